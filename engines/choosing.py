"""Which complete copy of a dataset a restore to some moment takes, reading no more of the bucket than that needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from engines.catalog import Begun, begun
from recovery.copies.manifest import Manifest
from recovery.copies.moments import may_serve, require_moment, serves, unreachable
from recovery.copies.recovery_target import Target
from recovery.errors import Corrupt, Refused
from recovery.ports.buckets import ObjectStore


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The copy, why later ones are not used, and when each that there is was begun."""

    backup: Manifest
    passed_over: tuple[str, ...]
    known: tuple[datetime, ...]


def choose(store: ObjectStore, dataset: str, kinds: Sequence[str], target: Target) -> Chosen:
    """The last whole copy of any of `kinds` that shows nothing later than `target`. Raises Refused, with what there is,
    when there is none, and Corrupt or Refused for one that was asked for by its id and is not whole."""
    require_moment(target)
    known = [each for kind in kinds for each in begun(store, dataset, kind) if each.has_manifest]
    started = tuple(each.named.started for each in known)
    backup, passed_over = _choose(target, known)
    if backup is None and passed_over:
        raise Corrupt(
            "no backup can be used:\n" + "\n".join(passed_over), next_step=unreachable(target, started).next_step
        )
    if backup is None:
        raise unreachable(target, started)
    return Chosen(backup=backup, passed_over=passed_over, known=started)


def _choose(target: Target, known: Sequence[Begun]) -> tuple[Manifest | None, tuple[str, ...]]:
    """Only as many manifests are read as it takes. What a site wrote after it had lost the lease is nobody's data, so a
    higher epoch comes first."""
    passed_over = list[str]()
    for each in sorted(known, key=lambda each: (each.named.epoch, each.named.id), reverse=True):
        if target.backup not in ("", each.named.id) or not may_serve(target, each.named.started):
            continue
        try:
            entry = each.entry()
        except Corrupt as error:
            if target.backup:
                raise
            passed_over.append(f"{each.named.id} is not used: {error.what}")
            continue
        if entry.manifest is None:
            words = f"{each.named.id} is not used: it is not all there (`dr backups`)"
            if target.backup:
                raise Refused(words, next_step="wait until it is, or name another one")
            passed_over.append(words)
        elif serves(target, entry.manifest):
            return entry.manifest, tuple(passed_over)
    return None, tuple(passed_over)

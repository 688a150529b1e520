"""Prove that a backup is what its manifest promises, by the engine that made it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from engines.catalog import Entry, find_named, latest
from engines.engine import Verdict
from engines.registry import engine_of, engines, require
from operations.copies.outside import handed
from recovery.copies.manifest import Manifest
from recovery.ports.buckets import ObjectStore


def find(
    store: ObjectStore,
    wanted: str,
    *,
    dataset: str = "",
    kind: str = "",
    now: datetime,
    passed_over: Callable[[Entry], None] = lambda _: None,
) -> tuple[str, Manifest]:
    """Key and manifest of backup `wanted`: an id, or `latest`, which is of the registry's first engine unless `dataset`
    or `kind` says otherwise; `passed_over` hears of a newer one that is not all there.

    Raises Refused when there is no such backup or it is still arriving, Corrupt when it is unfinished or damaged.
    """
    chosen = [
        each for each in engines() if (dataset or each.dataset, kind or each.kind) == (each.dataset, each.kind)
    ] or [engine_of(dataset, kind)]
    if wanted == "latest":
        return latest(store, chosen[0].dataset, chosen[0].kind, now=now, passed_over=passed_over)
    return find_named(store, wanted, [(each.dataset, each.kind) for each in chosen], now=now)


def verify(
    store: ObjectStore,
    wanted: str,
    *,
    dataset: str = "",
    kind: str = "",
    environment: Mapping[str, str],
    scratch: Path,
    now: datetime,
    found: Callable[[str, Manifest], None] = lambda *_: None,
    passed_over: Callable[[Entry], None] = lambda _: None,
) -> tuple[str, Manifest, Verdict]:
    """Check backup `wanted` to its last byte; `found` hears of it before the download, `passed_over` of a newer one
    that is not all there.

    Raises Corrupt when anything differs from what its manifest promises, Refused when it cannot be checked here.
    """
    key, manifest = find(store, wanted, dataset=dataset, kind=kind, now=now, passed_over=passed_over)
    engine = handed(engine_of(manifest.dataset, manifest.kind))
    found(key, manifest)
    require(f"{engine.dataset} {engine.kind}", environment, tools=engine.needs.to_verify)
    return key, manifest, engine.verify(store, manifest, environment=environment, scratch=scratch)

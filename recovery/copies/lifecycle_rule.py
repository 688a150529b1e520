"""One lifecycle rule, and the checks that its type cannot make (`problems`)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Literal

StorageClass = Literal["STANDARD_IA", "GLACIER", "DEEP_ARCHIVE"]

# From warm to cold; objects move only downwards. Days that one must stay in its class before a rule moves it on; the
# first move into Infrequent Access has the same limit.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html (2026-11)
MINIMUM_STAY_DAYS: dict[StorageClass, int] = {"STANDARD_IA": 30, "GLACIER": 90, "DEEP_ARCHIVE": 180}
IA_FROM_DAYS = 30
_COLDER = tuple(MINIMUM_STAY_DAYS)


@dataclass(frozen=True, kw_only=True)
class Transition:
    """From its `days`-th day on, an object lies in `storage_class`."""

    days: int
    storage_class: StorageClass


@dataclass(frozen=True, kw_only=True)
class LifecycleRule:
    """One rule. `prefix` is a key prefix inside the bucket; empty means every object.

    There is no field for ending current versions, so that no rule of ours can.
    """

    id: str
    prefix: str
    noncurrent_days: int | None = None
    larger_than_bytes: int | None = None
    transitions: tuple[Transition, ...] = ()
    abort_upload_days: int | None = None
    remove_expired_markers: bool = False


def problems(rules: Sequence[LifecycleRule]) -> list[str]:
    """Moves that S3 refuses, and rules that another one takes over without S3 saying so."""
    found = [f"rule {rule.id}: {what}" for rule in rules for what in _moves(rule.transitions)]
    return [*found, *_undercut(rules)]


def _moves(moves: Sequence[Transition]) -> Iterator[str]:
    for move in moves:
        if move.storage_class == "STANDARD_IA" and move.days < IA_FROM_DAYS:
            yield f"STANDARD_IA takes objects from day {IA_FROM_DAYS} on, found day {move.days} [ia-too-early]"
    for warm, cold in pairwise(sorted(moves, key=lambda move: move.days)):
        stays = cold.days - warm.days
        if _COLDER.index(cold.storage_class) <= _COLDER.index(warm.storage_class):
            yield f"S3 moves nothing from {warm.storage_class} to {cold.storage_class} [class-order]"
        elif stays < MINIMUM_STAY_DAYS[warm.storage_class]:
            least = MINIMUM_STAY_DAYS[warm.storage_class]
            yield f"{cold.storage_class} must be {least} days more than {warm.storage_class}, found {stays} [class-gap]"


def _undercut(rules: Sequence[LifecycleRule]) -> Iterator[str]:
    """Where filters overlap, the earlier end wins.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-conflicts.html (2026-11)"""
    for mine, other in product(rules, rules):
        if not mine.prefix.startswith(other.prefix):
            continue
        for what, days, theirs in (
            ("noncurrent versions end", mine.noncurrent_days, other.noncurrent_days),
            ("unfinished uploads end", mine.abort_upload_days, other.abort_upload_days),
        ):
            if days and theirs and theirs < days:
                covers = f"rule {other.id} covers the same objects after {theirs}"
                yield f"rule {mine.id}: {what} after {days} days, but {covers} [undercut]"

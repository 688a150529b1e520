"""How the content of a bucket looks."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.filesize import decimal

from operations.copies.listing import Listing
from recovery.copies.manifest import Manifest
from recovery.names import folder_of
from scripts.output import say, table


def print_listing(bucket: str, found: Listing, now: datetime, end_after: timedelta) -> None:
    """The backups, then what is none and why. `end_after`: when the bucket ends an upload that was left open."""
    table(
        f"{bucket}: {len(found.backups)} backup{'s' if len(found.backups) != 1 else ''}",
        ("id", "what", "finished (UTC)", "age", "size", "site", "epoch", "kept until"),
        [_row(each, now) for each in found.backups],
    )
    for name, remarks in found.remarks.items():
        say(f"look at {name}: {'; '.join(remarks)}", "yellow")
    for each in found.arriving:
        say(f"no backup yet: {each.id} is {each.problem(now)}", "yellow")
    for each in found.others:
        say(f"no backup: {each.folder} ({each.problem(now)}; {decimal(each.stored_bytes)})", "yellow")
    for line in unfinished_lines(found, now, end_after):
        say(line, "yellow")
    if found.older:
        before = ", ".join(f"{what} before {when.astimezone(UTC):%Y-%m-%d %H:%M}" for what, when in found.older.items())
        say(f"not listed without --all: {before} (UTC)")


def unfinished_lines(found: Listing, now: datetime, end_after: timedelta) -> list[str]:
    """A line for each folder with uploads that are still open."""
    if found.unfinished is None:
        return [f"uploads left open: not known ({found.not_known})"]
    begun: dict[str, list[datetime]] = defaultdict(list)
    for each in found.unfinished:
        begun[folder_of(each.key)].append(each.started)
    return [
        f"no backup: {folder} ({len(starts)} upload{'s' if len(starts) != 1 else ''} still open, the oldest for "
        f"{age(now - min(starts))}: a backup is running, or one was killed; the bucket's lifecycle ends an open upload "
        f"after {end_after.days} days)"
        for folder, starts in begun.items()
    ]


def age(value: timedelta) -> str:
    """`3 h`: whole units, rounded down; a time in the future shows as one."""
    seconds = int(value.total_seconds())
    if seconds < 0:
        return "in the future"
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def _row(manifest: Manifest, now: datetime) -> tuple[Any, ...]:
    return (
        manifest.id,
        f"{manifest.dataset} {manifest.kind}",
        f"{manifest.finished.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
        age(now - manifest.finished),
        decimal(manifest.stored_bytes),
        manifest.source.site,
        manifest.source.epoch,
        f"{manifest.retain_until.astimezone(UTC):%Y-%m-%d}",
    )

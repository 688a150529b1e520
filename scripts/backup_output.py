"""What `dr backup` shows: how far it is, and what was made."""

import time
from typing import Any

from rich.filesize import decimal

from engines.engine import Origin
from engines.streams import Tally
from operations.copies.backup import Made
from operations.copies.backup_run import Finished, Listener
from scripts.output import console, emit_json, say

_EVERY_SECONDS = 3.0


class Progress:
    """A line on standard error every few seconds."""

    def __init__(self) -> None:
        self._begun = self._shown = time.monotonic()
        self._expected = ""

    def listener(self) -> Listener:
        """What a run tells, shown here."""
        return Listener(begun=self.begun, progress=self.show, says=lambda words: say(words, "yellow"))

    def begun(self, origin: Origin) -> None:
        """Say what is being copied."""
        self._begun = self._shown = time.monotonic()
        about = f"about {decimal(origin.bytes)}" if origin.bytes else ""
        self._expected = f" of {about}" if about else ""
        say(f"{origin.words}: {about}" if about else origin.words)
        if origin.remark:
            say(origin.remark, "yellow")

    def show(self, tally: Tally) -> None:
        """Say how far it is, if the last time was long enough ago."""
        now = time.monotonic()
        if now - self._shown < _EVERY_SECONDS:
            return
        self._shown = now
        rate = decimal(int(tally.raw_bytes / (now - self._begun)))
        say(f"read {decimal(tally.raw_bytes)}{self._expected}, sent {decimal(tally.stored_bytes)}, {rate}/s")


def print_made(found: Finished, *, json: bool) -> None:
    """What was made, and whether `latest` names it."""
    made = found.made
    if not made.pointer_moved:
        kind = f"{made.manifest.dataset} {made.manifest.kind}"
        say(f"`latest` names a newer {kind} backup and was left alone", "yellow")
    for each in made.manifest.remarks:
        say(each, "yellow")
    if json:
        emit_json(_result(made, found.bucket, found.instead))
    else:
        console.print(_summary(made, found.bucket), markup=False)


def _result(made: Made, bucket: str, instead: str) -> dict[str, Any]:
    manifest = made.manifest
    return {
        "bucket": bucket,
        "manifest": made.manifest_key,
        "kind": manifest.kind,
        "id": manifest.id,
        "parent": manifest.parent,
        "instead": instead,
        "remark": made.remark,
        "bytes": manifest.stored_bytes,
        "raw_bytes": manifest.raw_bytes,
        "seconds": round(made.seconds, 3),
        "start": manifest.start_position,
        "stop": manifest.stop_position,
        "epoch": manifest.source.epoch,
        "retain_until": manifest.retain_until.isoformat(),
        "pointer_moved": made.pointer_moved,
        "remarks": made.manifest.remarks,
    }


def _summary(made: Made, bucket: str) -> str:
    manifest = made.manifest
    onto = f" onto {manifest.parent}" if manifest.parent else ""
    return (
        f"{manifest.dataset} {manifest.kind} {manifest.id}{onto}: {decimal(manifest.stored_bytes)} in {bucket} "
        f"after {made.seconds:.1f} s, from {manifest.start_position} to {manifest.stop_position}, "
        f"kept until {manifest.retain_until:%Y-%m-%d %H:%M} UTC"
    )

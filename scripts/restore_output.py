"""How a restore looks: what it will read, cost and need before, one line after."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.filesize import decimal

from engines.postgres.restore import Restored
from operations.copies.restore import Order
from recovery.copies.manifest import Manifest
from recovery.errors import DrError
from recovery.lease.lease import format_lsn
from scripts.output import console, emit_json, say, table


@dataclass(frozen=True)
class Report:
    """For people, or one JSON document in the end."""

    json: bool

    def plan(self, bucket: str, order: Order, *, execute: bool) -> None:
        """What `--execute` does."""
        if self.json:
            if not execute:
                emit_json(_planned(bucket, order))
            return
        choice = order.choice
        upto = "as far as it goes" if choice.position is None else f"before {format_lsn(choice.position)}"
        log = f"the log of timeline {choice.way.timeline}, {upto}" if choice.way else "no log"
        rows = [
            ("from", f"{bucket}: {order.objects:,} objects, {decimal(order.stored_bytes)}"),
            ("begin with", _names(choice.chain[:1])),
            *([("onto that", _names(choice.chain[1:]))] if choice.below else []),
            ("replay", f"{log}: {decimal(order.log_bytes)}"),
            ("into", f"{order.into}: needs {decimal(order.disk_bytes)}, {decimal(order.disk_free)} are free"),
            *([("not readable", order.archived.words())] if order.archived else []),
            *((f"time: {term.name}", f"{term.seconds:.1f} s ({term.source})") for term in order.terms),
            ("time, all", f"{order.seconds:.1f} s"),
        ]
        table(f"Restore of postgres to {order.target.text}", ("", ""), rows)
        for each in order.passed_over:
            say(each, "yellow")
        console.print(order.window, markup=False)
        if not execute:
            console.print("Nothing was done. Next: the same with --execute", markup=False)

    @contextmanager
    def running(self) -> Iterator[None]:
        """An error is in the JSON as well."""
        try:
            yield
        except DrError as error:
            if self.json:
                emit_json({"restored": False, "problem": error.what})
            raise

    def done(self, bucket: str, order: Order, restored: Restored) -> None:
        """What there is now."""
        took = sum(restored.seconds.values())
        if self.json:
            found = {"restored": True, "reached": format_lsn(restored.reached), "files": restored.files}
            found |= {"bytes": restored.bytes, "log_files": restored.log_files, "phases": dict(restored.seconds)}
            emit_json(_planned(bucket, order) | found | {"seconds": round(took, 3)})
            return
        console.print(
            f"restored and verified: {order.into}, {restored.files:,} files, {decimal(restored.bytes)}, log up to "
            f"{format_lsn(restored.reached)}, {took:.1f} s (forecast {order.seconds:.1f} s)\n"
            f"Next: start it with pg_ctl -D {order.into} start; it archives nothing and follows nobody",
            markup=False,
        )


def _names(backups: Sequence[Manifest]) -> str:
    return "; ".join(f"{each.id}, {decimal(each.raw_bytes)}, at {each.stop_position}" for each in backups)


def _planned(bucket: str, order: Order) -> dict[str, Any]:
    choice = order.choice
    return {
        "bucket": bucket,
        "to": order.target.text,
        "into": str(order.into),
        "backup": choice.backup.id,
        "below": [each.id for each in choice.below],
        "passed_over": list(order.passed_over),
        "timeline": choice.way.timeline if choice.way else choice.backup.source.timeline,
        "position": None if choice.position is None else format_lsn(choice.position),
        "log_end": format_lsn(choice.end),
        "objects": order.objects,
        "stored_bytes": order.stored_bytes,
        "log_bytes": order.log_bytes,
        "archived": {"unasked": len(order.archived.unasked), "coming": len(order.archived.coming)},
        "disk_bytes": order.disk_bytes,
        "forecast_seconds": round(order.seconds, 3),
        "forecast": [{"name": each.name, "seconds": each.seconds, "source": each.source} for each in order.terms],
        "window": order.window.splitlines(),
    }

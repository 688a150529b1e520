"""How a restore looks: what it will read, cost and need before, one line after."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.filesize import decimal

from engines.restoring import Restored, RestoreOrder
from recovery.errors import DrError
from scripts.output import console, emit_json, say, table


@dataclass(frozen=True)
class Report:
    """For people, or one JSON document in the end."""

    json: bool

    def plan(self, bucket: str, order: RestoreOrder, *, execute: bool) -> None:
        """What `--execute` does."""
        if self.json:
            if not execute:
                emit_json(_planned(bucket, order))
            return
        rows = [
            ("from", f"{bucket}: {order.objects:,} objects, {decimal(order.stored_bytes)}"),
            *order.rows(decimal),
            ("into", f"{order.into}: {order.room(decimal)}"),
            *([("not readable", order.archived.words())] if order.archived else []),
            *((f"time: {term.name}", f"{term.seconds:.1f} s ({term.source})") for term in order.terms),
            ("time, all", f"{order.seconds:.1f} s"),
        ]
        table(f"Restore of {order.dataset} to {order.to}", ("", ""), rows)
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

    def done(self, bucket: str, order: RestoreOrder, restored: Restored) -> None:
        """What there is now."""
        took = sum(restored.seconds.values())
        if self.json:
            found = {"restored": True, "files": restored.files, "bytes": restored.bytes, **restored.facts()}
            found |= {"phases": dict(restored.seconds)}
            emit_json(_planned(bucket, order) | found | {"seconds": round(took, 3)})
            return
        console.print(
            f"restored and verified: {order.into}, {restored.files:,} files, {decimal(restored.bytes)}, "
            f"{restored.words}, {took:.1f} s (forecast {order.seconds:.1f} s)\n"
            f"Next: {restored.next_step(order.into)}",
            markup=False,
        )


def _planned(bucket: str, order: RestoreOrder) -> dict[str, Any]:
    return {
        "bucket": bucket,
        "to": order.to,
        "into": str(order.into),
        **order.facts(),
        "passed_over": list(order.passed_over),
        "objects": order.objects,
        "stored_bytes": order.stored_bytes,
        "archived": {"unasked": len(order.archived.unasked), "coming": len(order.archived.coming)},
        "disk_bytes": order.disk_bytes,
        "forecast_seconds": round(order.seconds, 3),
        "forecast": [{"name": each.name, "seconds": each.seconds, "source": each.source} for each in order.terms],
        "window": order.window.splitlines(),
    }

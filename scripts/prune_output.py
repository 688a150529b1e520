"""What `dr prune` shows: what goes and why, what is hidden though it is locked, what was not judged."""

from datetime import datetime

from rich.filesize import decimal

from operations.copies.prune import PruneOrder, words
from recovery.copies.pruning import Prune
from scripts.backups_output import age
from scripts.output import console, emit_json, say, table

_SHOWN = 20


def progress(prune: Prune) -> None:
    """A line for each copy that was ended."""
    say(f"ended {prune.copy.dataset} {prune.copy.kind} {prune.copy.id}")


def show(order: PruneOrder, bucket: str, now: datetime, *, executed: bool, json: bool) -> None:
    """All of it: as a table, or as one JSON document."""
    if json:
        emit_json({"bucket": bucket, "executed": executed, **order.as_dict()})
        return
    prunes = order.verdict.prunes
    if prunes:
        table(
            f"{bucket}: what {'went' if executed else 'would go'}, in this order",
            ("what", "id", "age", "size", "why"),
            [
                (
                    f"{each.copy.dataset} {each.copy.kind}",
                    each.copy.id,
                    age(now - each.copy.finished),
                    decimal(order.bytes(each)),
                    each.reason,
                )
                for each in prunes
            ],
        )
    size = f" ({decimal(sum(order.bytes(each) for each in prunes))})" if prunes else ""
    console.print(f"{bucket}: {words(order, executed=executed)}{size}", markup=False)
    for dataset, found in order.verdict.gaps.items():
        for gap in found:
            say(f"nothing of {dataset} was judged: {gap}", "yellow")
    for each in order.hidden[:_SHOWN]:
        say(f"hidden although it is locked: {each.words}", "red")
    if len(order.hidden) > _SHOWN:
        say(f"… and {len(order.hidden) - _SHOWN} more (--json lists all)", "red")
    if (prunes or order.shared) and not executed:
        say("nothing was changed: --execute does it")

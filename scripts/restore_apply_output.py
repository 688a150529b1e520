"""How an apply of a copy's objects looks: what becomes of each, and one line after. Names alone, no content."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from engines.configuration.into_cluster import AppliedAll, ClusterOrder, What
from recovery.copies.moments import window
from recovery.errors import DrError
from scripts.output import console, emit_json, say, table

_SHOWN: tuple[tuple[What, str], ...] = (
    ("create", "is created"),
    ("change", "is changed"),
    ("blocked", "cannot be applied"),
    ("leave", "is left"),
)


@dataclass(frozen=True)
class Report:
    """For people, or one JSON document in the end."""

    bucket: str
    json: bool

    def plan(self, order: ClusterOrder, *, execute: bool) -> None:
        """What `--execute` does."""
        if self.json:
            if not execute:
                emit_json(self._facts(order))
            return
        copy = order.copy
        rows = [
            ("take", f"{copy.id} of {self.bucket}, cluster {copy.source.system_identifier}, {copy.data_format}"),
            ("into", f"namespace {order.namespace or 'as in the copy'} of {order.server} ({order.cluster})"),
            *([("not readable", order.archived.words())] if order.archived else []),
            *((what, str(len(order.those(what)))) for what in ("create", "change", "same", "leave", "blocked")),
        ]
        table(f"Restore of configuration to {copy.id}", ("", ""), rows)
        for what, words in _SHOWN:
            for step in order.those(what):
                say(f"{words}: {step.document.words}" + (f": {step.why}" if step.why else ""))
        for each in (*copy.remarks, *order.chosen.passed_over):
            say(each, "yellow")
        console.print(window(each.started for each in order.chosen.known), markup=False)
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

    def done(self, order: ClusterOrder, done: AppliedAll) -> None:
        """What there is now."""
        facts = {"created": done.created, "changed": done.changed, "seconds": round(done.seconds, 3)}
        if self.json:
            emit_json(self._facts(order) | {"restored": True, **facts})
            return
        left = len(order.those("leave")) + len(order.those("blocked"))
        console.print(
            f"restored: {done.created:,} objects created, {done.changed:,} changed, "
            f"{len(order.those('same')):,} were so already, {left:,} left, {done.seconds:.1f} s\n"
            "Next: CronJobs and Jobs came suspended; resume what should run here: kubectl patch cronjob "
            'NAME --patch \'{"spec":{"suspend":false}}\'',
            markup=False,
        )

    def _facts(self, order: ClusterOrder) -> dict[str, Any]:
        return {
            "bucket": self.bucket,
            "backup": order.copy.id,
            "cluster": order.cluster,
            "server": order.server,
            "namespace": order.namespace,
            "archived": {"unasked": len(order.archived.unasked), "coming": len(order.archived.coming)},
            "steps": [
                {
                    "object": each.document.words,
                    "namespace": each.document.namespace,
                    "what": each.what,
                    "why": each.why,
                }
                for each in order.steps
            ],
        }

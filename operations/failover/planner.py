"""What a restore onto the standby's disk would read, take and need, by the bucket's word."""

from collections.abc import Mapping
from dataclasses import dataclass

from recovery.copies.recovery_target import Target
from recovery.failover.restoring import PlannedRestore
from recovery.names import ACCEPTED_INCREMENTALS, STANDBY
from recovery.ports.buckets import RestoreBucket


@dataclass(frozen=True, kw_only=True)
class BucketPlanner:
    """`recovery.failover.restoring.Planner` on the DR bucket. `environment`: of the programs that read the log."""

    store: RestoreBucket
    environment: Mapping[str, str]

    @property
    def accepts(self) -> str:
        return self.environment.get(ACCEPTED_INCREMENTALS, "")

    def plan(self, to: str, disk_bytes: int) -> PlannedRestore:
        # Imported here: they take long to load, and most promotions restore nothing.
        from engines.postgres.restore import PROGRAMS
        from engines.postgres.restore_order import last_commit
        from engines.registry import require
        from operations.copies.beside import pinned, plan_on_disk

        require("a restore of postgres", self.environment, tools=PROGRAMS)
        target = Target.parse(to)
        order = plan_on_disk(self.store, target, disk_bytes, STANDBY, environment=self.environment)
        return PlannedRestore(
            to=pinned(order),
            end=order.choice.end,
            until=target.time or last_commit(self.store, order, self.environment),
            system_identifier=order.choice.backup.source.system_identifier,
            timeline=order.choice.way.timeline if order.choice.way else order.choice.backup.source.timeline or 1,
            objects=order.objects,
            stored_bytes=order.stored_bytes,
            disk_bytes=order.disk_bytes,
            disk_free=order.disk_free,
            terms=order.terms,
            rows=order.rows,
            window=order.window,
            passed_over=order.passed_over,
            archived=order.archived.words() if order.archived else "",
        )

"""One session with a server: who it is, where the bucket's log ends, the slot, a gap if there is one, then the stream.

All that is written carries the lease's epoch, so whatever a fenced site still writes is beside its successor's log.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from engines.postgres.wal_bucket import Stored, WalBucket, positions
from engines.postgres.wal_compaction import Compaction, Compactor
from engines.postgres.wal_cutting import Cutter
from engines.postgres.wal_receiver import Ended, receive
from engines.postgres.wal_sender import Sender
from engines.postgres.wal_stream import LogGone, Server, WalStream
from engines.shipping import Heard, Terms
from recovery.copies.log import Gap, Line, Range, Switch, segment_start
from recovery.copies.log_position import LogPosition, Start, go_on
from recovery.errors import Refused, Unreachable
from recovery.lease.lease import Lease, format_lsn
from recovery.names import LOG_SLOT
from recovery.ports.buckets import LogBucket

MOST_BYTES = 4 * 1024 * 1024
"""A range is at most as long as this: what is lost when memory is, and what a reader fetches at once."""


@dataclass
class Session:
    """One session under `lease`."""

    stream: WalStream
    store: LogBucket
    lease: Lease
    terms: Terms
    clock: Callable[[], datetime]
    heard: Heard

    def run(self, stop: Callable[[], bool]) -> Ended:
        """Ship until the stream ends or `stop` says so. Raises Refused for a server that must not be shipped from,
        LeaseRefused when another shipper has taken over, OtherBytes, Unreachable when the session is lost."""
        server = self.stream.identify()
        self._require_right(server)
        bucket = WalBucket(self.store, server.system, server.segment_bytes)
        ancestors = self._history(server.timeline)
        kept_from = self._slot(server)
        ranges = bucket.ranges()
        known = self._known(bucket, server, ancestors, ranges)
        fresh = segment_start(kept_from, server.segment_bytes)
        ends = {timeline: found.end for timeline, found in known.items()}
        start = go_on(server.timeline, ancestors, ends, fresh=fresh, segment_bytes=server.segment_bytes)
        switches = {each.timeline: each.position for each in ancestors}
        try:
            return self._ship(bucket, start, known.get(start.timeline), ranges, stop)
        except LogGone as error:
            end = switches.get(start.timeline, fresh)
            if end <= start.position:  # what it lacks it would not have to have: nothing to be recorded
                raise Unreachable(error.what, next_step="see the server's log") from None
            self._record_gap(bucket, Gap(self._line(bucket, start.timeline), start.position, end), error.what)
            return "end"

    def _require_right(self, server: Server) -> None:
        lease = self.lease
        if server.in_recovery:
            raise Refused(
                "this server is a standby: the log is shipped from the primary",
                next_step="correct PGHOST, or wait until it is promoted",
            )
        if lease.system_identifier and server.system != lease.system_identifier:
            raise Refused(
                f"this server has system identifier {server.system}, the lease says that production's is "
                f"{lease.system_identifier}",
                next_step="correct PGHOST; where production was rebuilt on purpose: `dr lease system`",
            )
        if lease.heartbeat and server.timeline > lease.heartbeat.timeline:
            raise Refused(
                f"this server is on timeline {server.timeline}, the primary behind the gate on timeline "
                f"{lease.heartbeat.timeline}: it was promoted without the lease",
                next_step="none when a promotion is under way: the guard's next report says the new timeline",
            )
        if server.slot_cap is None:
            raise Refused(
                "max_slot_wal_keep_size is -1: a shipper that cannot reach the bucket would fill the server's disk",
                next_step="set it, at most to what the disk can spare: ALTER SYSTEM SET max_slot_wal_keep_size = …",
            )

    def _line(self, bucket: WalBucket, timeline: int) -> Line:
        return Line(self.lease.epoch, bucket.system, timeline)

    def _history(self, timeline: int) -> tuple[Switch, ...]:
        return self.stream.history(timeline)[1] if timeline > 1 else ()

    def _slot(self, server: Server) -> int:
        """From where the server keeps its log for us; a new slot where there is none or it was invalidated."""
        slot = self.stream.slot(LOG_SLOT)
        if slot is not None and slot.restart is None:
            self.heard.says(f"slot {LOG_SLOT} was invalidated: the server kept no more log than it is allowed to")
            self.stream.drop_slot(LOG_SLOT)
            slot = None
        if slot is None:
            self.stream.make_slot(LOG_SLOT)
            slot = self.stream.slot(LOG_SLOT)
        return server.flushed if slot is None or slot.restart is None else slot.restart

    def _known(
        self, bucket: WalBucket, server: Server, ancestors: Sequence[Switch], ranges: Sequence[Range]
    ) -> dict[int, Stored]:
        """What the bucket has of the newest timeline of this history that it has at all."""
        known = positions(self.store)
        for timeline in (server.timeline, *(each.timeline for each in reversed(ancestors))):
            found = bucket.stored(timeline, known, ranges, self.lease.epoch)
            if found:
                return {timeline: found}
        return {}

    def _ship(
        self, bucket: WalBucket, start: Start, found: Stored | None, ranges: list[Range], stop: Callable[[], bool]
    ) -> Ended:
        line = self._line(bucket, start.timeline)
        position = LogPosition(
            epoch=line.epoch,
            system=line.system,
            timeline=line.timeline,
            segment_bytes=bucket.segment_bytes,
            start=found.start if found else start.position,
            end=found.whole if found else start.position,
            at=self.clock(),
        )
        if start.timeline > 1:  # before anything of it, or a restore could not find its way here
            text, _ = self.stream.history(start.timeline)
            bucket.put_history(line, text, self.clock() + self.terms.lock)
        bucket.move(position)
        work = Compaction(bucket=bucket, line=line, lock=self.terms.lock, clock=self.clock)
        work.tidy(position, ranges)
        marks = [
            mark
            for each in ranges
            if each.line == line and each.start >= start.position
            for mark in (each.start, each.end)
        ]
        self.stream.start(LOG_SLOT, start.timeline, start.position)
        self.heard.says(f"shipping timeline {start.timeline} from {format_lsn(start.position)}, epoch {line.epoch}")
        cutter = Cutter(
            start.position,
            segment_bytes=bucket.segment_bytes,
            most_bytes=min(MOST_BYTES, bucket.segment_bytes),
            most_seconds=self.terms.every.total_seconds(),
            marks=marks,
        )
        compactor = Compactor(work, position, trouble=self.heard.trouble)
        sender = Sender(bucket, line, start.position, trouble=self.heard.trouble)

        def stored(durable: int) -> None:
            compactor.stored(durable)
            if compactor.failed:
                raise compactor.failed

        compactor.stored(start.position)
        try:
            return receive(self.stream, cutter, sender, stop=stop, stored=stored, now=time.monotonic)
        finally:
            sender.close()
            compactor.close()

    def _record_gap(self, bucket: WalBucket, gap: Gap, why: str) -> None:
        now = self.clock()
        bucket.put_gap(gap, why, now, now + self.terms.lock)
        self.heard.says(
            f"LOST: the log from {format_lsn(gap.start)} to {format_lsn(gap.end)} of timeline {gap.line.timeline} is "
            "in no copy; no moment in it can be restored, and none after it before a new full backup"
        )
        after = LogPosition(
            epoch=gap.line.epoch,
            system=gap.line.system,
            timeline=gap.line.timeline,
            segment_bytes=bucket.segment_bytes,
            start=gap.end,
            end=gap.end,
            at=now,
        )
        bucket.move(after)

"""The lab's hand on the network: cut regions off, give them back, lose an answer, count who tried."""

import fcntl
import json
import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from lab.aws.rules import EVERY, Cut, Drop, How, RuleFile, Rules

ANSWER_DROPPED = "answer dropped"


@dataclass(frozen=True)
class Attempt:
    """One line of the fronts' record. `operation` is X-Amz-Target's last part, or method and path; `at` unix time."""

    at: float
    place: str
    region: str
    service: str
    operation: str
    reason: str
    ticket: str = ""


class Reach:
    """Sets the rules and reads the record. Every change is in force when the call returns, for every process."""

    def __init__(self, rules: Path, record: Path) -> None:
        self.rules_file = rules
        self.record_file = record
        self._reader = RuleFile(rules)

    def rules(self) -> Rules:
        """The rules in force."""
        return self._reader.now()

    def cut(self, place: str, region: str, how: How = "refused", service: str | None = None) -> None:
        """`place` no longer reaches `region` (or only `service` there). Either may be `*`. Replaces an earlier cut."""
        new = Cut(place, region, how, service)
        self._change(lambda now: replace(now, cuts=(*_without(now, place, region, service), new)))

    def restore(self, place: str, region: str, service: str | None = None) -> None:
        """Take back the cut with the same place, region and service; without one nothing happens."""
        self._change(lambda now: replace(now, cuts=_without(now, place, region, service)))

    def region_gone(self, region: str, how: How = "refused") -> None:
        """The region is lost to every place and to S3's replication."""
        self._change(lambda now: replace(now, gone={**now.gone, region: how}))

    def region_back(self, region: str) -> None:
        """The region answers again, except where a cut says otherwise."""
        self._change(lambda now: replace(now, gone={name: how for name, how in now.gone.items() if name != region}))

    def restore_all(self) -> None:
        """Everything is reachable again and no answer will be dropped."""
        self._change(lambda now: Rules())

    def drop_next_answer(self, service: str, operation: str, place: str = EVERY) -> None:
        """The next such request (from `place`) is executed and its connection then closed without an answer.

        `operation` is X-Amz-Target's last part (`UpdateItem`) or method and path (`PUT /bucket/key`).
        """
        drop = Drop(uuid.uuid4().hex, service, operation, place)
        used = {entry.ticket for entry in self.dropped()}
        self._change(lambda now: replace(now, drops=(*(old for old in now.drops if old.ticket not in used), drop)))

    def attempts(self, since: float = 0.0) -> list[Attempt]:
        """Attempts on what could not be reached, at or after `since` (unix time)."""
        return [entry for entry in self._record() if entry.reason != ANSWER_DROPPED and entry.at >= since]

    def dropped(self) -> list[Attempt]:
        """Requests that were executed and not answered."""
        return [entry for entry in self._record() if entry.reason == ANSWER_DROPPED]

    def _record(self) -> list[Attempt]:
        if not self.record_file.exists():
            return []
        return [Attempt(**json.loads(line)) for line in self.record_file.read_text().splitlines()]

    def _change(self, update: Callable[[Rules], Rules]) -> None:
        self.rules_file.parent.mkdir(parents=True, exist_ok=True)
        with self.rules_file.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            new = self.rules_file.with_suffix(f".{os.getpid()}.new")
            new.write_text(update(self.rules()).dump())
            new.replace(self.rules_file)


def _without(now: Rules, place: str, region: str, service: str | None) -> tuple[Cut, ...]:
    return tuple(cut for cut in now.cuts if (cut.place, cut.region, cut.service) != (place, region, service))

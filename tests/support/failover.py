"""`Failover` on the site in memory: one invocation of `dr promote` without its command line."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from operations.failover.failover import Clock, Failover
from operations.failover.giving_up import Found
from operations.failover.interrupt import Interrupt
from operations.failover.ports import Ports
from operations.failover.preparation import Outcome, Prepared
from recovery.failover.bundle import Bundle
from recovery.failover.overrides import Overrides
from recovery.failover.restoring import Wish
from recovery.failover.step import Step
from tests.support.promotion import NOW, FakeRuns, Site, bundle, ports


class Patience(Interrupt):
    """Sleeps on the site's clock."""

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.site = site

    def sleep(self, seconds: float) -> None:
        self.site.sleep(seconds)


@dataclass
class Invocation:
    """Runs of the command against one site."""

    site: Site
    folder: Path
    bundle: Bundle = bundle()  # noqa: RUF009 - frozen
    steps: Sequence[Step[Any]] | None = None
    wish: Wish | None = None
    change: Callable[[Ports], Ports] = lambda found: found

    def prepare(self, **overrides: Any) -> Prepared:
        """The dry run."""
        with self._failover(**overrides) as failover:
            return failover.prepare()

    def execute(self, **overrides: Any) -> Outcome:
        """`--execute`. Raises DrError."""
        with self._failover(**overrides) as failover:
            return failover.execute(
                failover.prepare(), Patience(self.site), lambda step, move: self.site.told.append((step, move))
            )

    def give_up(self, *, execute: bool = True) -> Found:
        """`--give-up`. Raises DrError."""
        with self._failover() as failover:
            work = failover.giving_up()
            found = work.look()
            if execute:
                now = NOW + timedelta(seconds=self.site.clock)
                clock = lambda: self.site.clock  # noqa: E731
                work.execute(found, Patience(self.site), lambda _: None, clock=clock, now=lambda: now)
            return found

    def reasons(self, **overrides: Any) -> list[str]:
        """Why the dry run says no."""
        return [reason.what for reason in self.prepare(**overrides).verdict.reasons]

    def with_ports(self, **changes: Any) -> "Invocation":
        """The same with other ports."""
        return replace(self, change=lambda found: replace(found, **changes))

    def _failover(self, **overrides: Any) -> Failover:
        return Failover(
            self.bundle,
            self.change(ports(self.site)),
            FakeRuns(self.site),
            overrides=Overrides(**overrides),
            journal_dir=self.folder,
            started=self.site.clock,
            clock=Clock(seconds=lambda: self.site.clock, now=lambda: NOW + timedelta(seconds=self.site.clock)),
            wish=self.wish,
            steps=self.steps,
        )

"""The guard's rules alone, and a model of two sites in which no interleaving may open both gates."""

from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recovery.lease.guard_rules import Memory, advise, attempt_seconds, lost, promised, renewal_seconds, renewed
from recovery.lease.lease import Lease
from recovery.plan.plan import SiteName

LEASE = Lease(
    site="prod", epoch=3, state="held", lease_seconds=30, margin_seconds=2, holder_run="init", boot_id="other"
)
FIRST = replace(LEASE, epoch=1, lease_seconds=10, margin_seconds=1, boot_id="")
NEW = Memory(site="prod", boot_id="me")


def adopted(lease: Lease = LEASE, *, at: float = 100.0) -> Memory:
    return renewed(NEW, lease, replace(lease, boot_id="me"), started=at, finished=at + 1)


def test_a_guard_adopts_its_own_sites_held_lease() -> None:
    assert advise(NEW, LEASE, 0).action == "adopt"


@pytest.mark.parametrize(
    ("lease", "reason"),
    [
        (None, "dr lease init"),
        (replace(LEASE, site="dr"), "the lease is dr's"),
        (replace(LEASE, state="taken"), "has not finished"),
    ],
)
def test_a_guard_waits_when_it_may_not_open(lease: Lease | None, reason: str) -> None:
    advice = advise(NEW, lease, 0)
    assert advice.action == "wait" and reason in advice.reason


def test_a_promise_is_counted_from_the_renewals_start() -> None:
    promise = promised(LEASE, started=100)
    assert (promise.close_at, promise.until) == (129, 130)


def test_renewals_are_at_least_three_a_lease_whatever_the_plan_says() -> None:
    assert renewal_seconds(timedelta(seconds=5), 30) == 5
    assert renewal_seconds(timedelta(seconds=5), 3) == 1


@pytest.mark.parametrize(("lease", "renewal"), [(30, 5), (10, 2), (3, 1)])
def test_both_regions_can_be_tried_within_one_lease(lease: int, renewal: int) -> None:
    attempt = attempt_seconds(timedelta(seconds=lease), timedelta(seconds=renewal))
    both = 2 * 2 * attempt  # connect and read, at two regions
    assert renewal + both <= promised(replace(LEASE, lease_seconds=lease), started=0).close_at


def test_a_fence_is_recorded_only_by_a_guard_that_was_open_under_an_older_epoch() -> None:
    taken = replace(LEASE, site="dr", epoch=4, state="taken", boot_id="me")
    was_open = lost(adopted(), taken)
    assert advise(was_open, taken, 1000).action == "fence"
    assert advise(NEW, taken, 1000).action == "wait"
    assert advise(was_open, replace(taken, fenced_epoch=4), 1000).action == "wait"
    assert advise(was_open, replace(taken, fenced_epoch=3), 1000).action == "fence"
    assert advise(was_open, replace(taken, boot_id="younger"), 1000).action == "wait"
    another_held_it_since = replace(taken, site="prod", epoch=5)
    assert advise(was_open, another_held_it_since, 1000).action == "wait"


def test_a_fence_waits_until_no_older_guard_of_the_site_can_be_open() -> None:
    taken = replace(LEASE, site="dr", epoch=4, state="taken", boot_id="me")
    displaced_another = lost(adopted(at=100), taken)
    assert advise(displaced_another, taken, 101 + 30).action == "wait"
    assert advise(displaced_another, taken, 101 + 32).action == "fence"
    alone = lost(adopted(replace(LEASE, boot_id=""), at=100), taken)
    assert advise(alone, taken, 101).action == "fence"


def test_a_displaced_guard_comes_back_only_when_the_other_has_gone_quiet() -> None:
    mine = adopted(replace(LEASE, boot_id=""))
    others = replace(LEASE, boot_id="younger", renewals=7)
    first = advise(lost(mine, others), others, 200)
    assert first.action == "wait" and "standing by" in first.reason
    renewing = advise(first.memory, replace(others, renewals=8), 229)
    assert renewing.action == "wait"
    assert advise(renewing.memory, replace(others, renewals=8), 258).action == "wait"
    assert advise(renewing.memory, replace(others, renewals=8), 259).action == "adopt"


@dataclass
class Guard:
    """One guard process in the model: its memory, and a renewal on its way."""

    memory: Memory
    seen: Lease | None = None
    started: float = 0.0
    answer: Lease | None = None
    executed: bool = False
    stopped: bool = False
    open_until: float = -1.0  # the kernel's timer: the gate is dead from then on


@dataclass
class World:
    """Guards of both sites, one lease, promoters. Every action is one thing that can happen at any moment.

    Renewals are executed some time after they began and answered some time after that; guards are stopped, killed and
    started without warning. Time moves only in `pass_time`.
    """

    now: float = 0.0
    lease: Lease = FIRST
    fence_over: float = 0.0
    started: int = 0
    guards: list[Guard] = field(default_factory=list)

    def act(self, action: str, choice: int) -> None:
        """One of ACTIONS, on the guard or site that `choice` points at."""
        site: SiteName = "dr" if choice % 2 else "prod"
        if action == "start":
            self.start(site)
        elif action == "take":
            self.take(site)
        elif action == "promote":
            self.take(site)
            self.round()
            self.pass_time(max(0.0, self.fence_over - self.now))
            self.round()
        elif action == "round":
            self.round()
        elif action == "time":
            self.pass_time((0.1, 0.5, 3.0, 9.0, 11.0)[choice % 5])
        elif self.guards:
            self.act_on(self.guards[choice % len(self.guards)], action)

    def act_on(self, guard: Guard, action: str) -> None:
        if action == "kill":
            self.guards.remove(guard)
        elif action == "stop or go on":
            guard.stopped = not guard.stopped
        elif action == "begin":
            self.begin(guard)
        elif action == "execute":
            self.execute(guard)
        elif action == "answer":
            self.answer(guard)
        elif action == "lose the answer" and guard.executed and not guard.stopped:
            guard.seen, guard.answer, guard.executed = None, None, False

    def start(self, site: SiteName) -> None:
        if len(self.guards) < 4:
            self.started += 1
            self.guards.append(Guard(Memory(site=site, boot_id=f"{site}-{self.started}")))

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        # The kernel's timer kills guard and gate, whatever the guard is doing.
        self.guards = [g for g in self.guards if g.open_until < 0 or self.now < g.open_until]
        self.promotion_looks()

    def round(self) -> None:
        """Every guard does a whole round without delay."""
        for guard in list(self.guards):
            self.begin(guard)
            self.execute(guard)
            self.answer(guard)

    def begin(self, guard: Guard) -> None:
        if guard.stopped or guard.seen:
            return
        if promise := guard.memory.promise:
            if self.now >= promise.close_at:
                self.close(guard, None)
            else:
                guard.seen, guard.started = promise.lease, self.now
            return
        advice = advise(guard.memory, self.lease, self.now)
        guard.memory = advice.memory
        if advice.action == "adopt":
            guard.seen, guard.started = self.lease, self.now
        elif advice.action == "fence":
            self.lease = replace(self.lease, fenced_epoch=self.lease.epoch)
            self.promotion_looks()

    def execute(self, guard: Guard) -> None:
        """What the control table does."""
        seen = guard.seen
        if seen is None or guard.executed:
            return
        guard.executed = True
        same = (seen.site, seen.epoch, seen.state) == (self.lease.site, self.lease.epoch, self.lease.state)
        if same and self.lease.boot_id in (seen.boot_id, guard.memory.boot_id):
            self.lease = replace(self.lease, boot_id=guard.memory.boot_id, renewals=self.lease.renewals + 1)
            guard.answer = self.lease

    def answer(self, guard: Guard) -> None:
        seen, answer = guard.seen, guard.answer
        if guard.stopped or not guard.executed or seen is None:
            return
        guard.seen, guard.answer, guard.executed = None, None, False
        if answer is None:
            self.close(guard, self.lease)
            return
        guard.memory = renewed(guard.memory, seen, answer, started=guard.started, finished=self.now)
        promise = guard.memory.promise
        assert promise is not None
        if self.now >= promise.close_at:
            self.close(guard, None)
        else:
            guard.open_until = promise.until

    def close(self, guard: Guard, current: Lease | None) -> None:
        guard.memory = lost(guard.memory, current)
        guard.open_until = -1.0

    def take(self, site: SiteName) -> None:
        self.fence_over = self.now + self.lease.fence_seconds
        terms = timedelta(seconds=10), timedelta(seconds=1)
        self.lease = self.lease.successor(site, f"run-{self.lease.epoch}", lease=terms[0], margin=terms[1])

    def promotion_looks(self) -> None:
        """It waits for the deadline or for the old holder's record, and then lets its site write."""
        if self.now >= self.fence_over or self.lease.fenced_by(self.lease.epoch):
            self.lease = replace(self.lease, state="held")

    def problem(self) -> str:
        """What must never be: two sites open, or a gate of an older epoch once the lease is held anew."""
        opened = [guard for guard in self.guards if self.now < guard.open_until]
        if len({guard.memory.site for guard in opened}) > 1:
            return "both sites are open"
        if self.lease.state == "held" and any(g.memory.opened_epoch != self.lease.epoch for g in opened):
            return f"a gate is open under an epoch before {self.lease.epoch}, which is held"
        return ""


ACTIONS = (
    *("start", "take", "promote", "round", "time", "kill", "stop or go on"),
    *("begin", "begin", "execute", "answer", "lose the answer"),
)


@settings(max_examples=1500)
@given(steps=st.binary(min_size=15, max_size=60))
def test_no_interleaving_opens_the_gates_of_two_sites(steps: bytes) -> None:
    world = World()
    world.start("prod")
    world.start("dr")
    history: list[tuple[str, int]] = []
    for step in steps:  # a byte each: drawing pairs takes ten times as long
        choice, action = divmod(step, len(ACTIONS))
        history.append((ACTIONS[action], choice))
        world.act(ACTIONS[action], choice)
        assert not world.problem(), f"{world.problem()} after {history}"

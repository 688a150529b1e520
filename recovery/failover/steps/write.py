"""Write through the DR gate: the gate is open, the database takes writes, and services read the new epoch from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from recovery.failover.bundle import Bundle
from recovery.failover.facts import Facts, Findings, Unknown
from recovery.failover.history import History
from recovery.failover.moves import Move
from recovery.failover.step import Step, Turn
from recovery.lease.lease import Lease
from recovery.names import GUARD_CONTAINER
from recovery.ports.standby import PromoterRights

ANNOUNCE = "announce"
GateState = Literal["closed", "open", "silent"]


@dataclass(frozen=True, kw_only=True)
class WriteSeen:
    """Whether this process has written through the gate and seen its commit."""

    announced: bool


class WriteThroughGate(Step[WriteSeen]):
    """Repeating it does no harm: it writes the same epoch again and one more probe row."""

    name = "write"
    title = "write through the DR gate"
    after = ("hold",)
    observes = WriteSeen
    verbs = {ANNOUNCE: "writing the new epoch through the DR gate"}  # noqa: RUF012 - a constant of the class
    longest_pause = 0.05  # customers wait for the gate
    proof = True

    def deadline(self, bundle: Bundle, history: History) -> float:
        return 60

    def decide(self, turn: Turn, seen: WriteSeen) -> Move:
        return self.done(epoch=turn.history.epoch) if seen.announced else self.act(ANNOUNCE)

    def sentence(self, facts: Mapping[str, Any]) -> str:
        return f"a write went through the DR gate, and services now read epoch {facts['epoch']}"

    def obstacles(self, bundle: Bundle, facts: Facts, found: Findings) -> None:
        """A gate that will not open, and a write that its database will not take."""
        _gate(facts, found)
        if isinstance(facts.rights, PromoterRights):
            _may_write(facts.rights, found)


def _gate(facts: Facts, found: Findings) -> None:
    state = facts.previews.get(STEP.name)
    if state == "open" and isinstance(facts.lease, Lease) and facts.lease.site == "prod":
        found.warn(
            "the DR gate is open although the lease is production's: its guard does not enforce the lease, or the "
            "bundle's gate address leads past it"
        )
    elif state == "silent":
        found.warn("the DR gate's address does not even refuse a connection; is the network to it open?")
    elif isinstance(state, Unknown):
        found.no(f"the DR gate cannot be reached: {state.why}", state.next_step or "check `gate` in the bundle")
    guard = facts.guard
    if facts.restoring is not None:  # the Pod that both are in is made anew
        return
    if isinstance(guard, Unknown):
        if not isinstance(facts.deployments, Unknown):
            found.warn(f"whether the DR site's guard runs is not known: {guard.why}")
    elif guard is None:
        found.no(
            "no Pod of the DR site has a guard in it, so the gate would never open",
            "see that the database's StatefulSet is there and not scaled to 0; `pulumi up` on the dr stack makes it",
        )
    elif guard.problems and not guard.running:
        found.no(
            f"the DR site's guard does not run ({'; '.join(guard.problems)}), so the gate would never open",
            f"bring container {GUARD_CONTAINER} of the database's Pod up; `kubectl describe` and its log say what it "
            "lacks",
        )


def _may_write(rights: PromoterRights, found: Findings) -> None:
    if rights.read_only:
        found.no(
            f"default_transaction_read_only is on for login {rights.login}: the promoted database would take no write",
            "ALTER ROLE or ALTER DATABASE … RESET default_transaction_read_only on the primary, or in the "
            "standby's configuration file",
        )
    if rights.update_site is None:
        found.no(
            "the database has no table dr.site or no dr.probe, where services read the epoch and a promotion writes",
            "is this UltraMarket's database (PGDATABASE, and datasets.postgres.database of the plan)? Make them as "
            "the README says",
        )
    elif not (rights.update_site and rights.insert_probe):
        found.no(
            f"the database login {rights.login} may not write its probe",
            f"as the owner, on the primary: GRANT SELECT, UPDATE ON dr.site, INSERT ON dr.probe TO {rights.login}",
        )
    elif rights.site_rows != 1:
        found.no(
            f"dr.site has {rights.site_rows} rows instead of one, so services could not say which epoch they are in",
            "put one row there as the owner, on the primary",
        )


STEP = WriteThroughGate()

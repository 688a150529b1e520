"""Taking over the public name: look, say what would change, change it at once, see that it stands."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cloud.hosted_zone import Route53Zone
from cloud.resolver import Resolver, parse_server, system_server
from cloud.session import require_account
from operations.stack_file import ACCOUNT, DR_EDGE, PROD_EDGE, ZONE
from recovery.errors import Ambiguous, DrError, Failed, Refused
from recovery.plan.plan import Plan
from recovery.ports.public_name import HostedZone
from recovery.site.public_name import PublicName, Takeover, is_pair, take_over

LONGEST_SECONDS = 300.0
"""Route 53 says that most changes are everywhere within 60 s."""
_POLL_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class Adoption:
    """One taking over: `wanted` as foundation declares it."""

    zone: HostedZone
    wanted: PublicName
    address_of: Callable[[str], str]

    @classmethod
    def open(cls, plan: Plan, stack: Mapping[str, str], resolver: str) -> "Adoption":
        """With the real parts. Raises Refused when the credentials are another account's, Unreachable."""
        require_account(stack[ACCOUNT], plan.sites.dr.region)
        server, port = parse_server(resolver) if resolver else system_server()
        wanted = PublicName(
            name=plan.dns.name,
            zone=plan.dns.zone,
            ttl=int(plan.dns.ttl.total_seconds()),
            edges={"prod": stack[PROD_EDGE], "dr": stack[DR_EDGE]},
        )
        return cls(
            zone=Route53Zone(stack[ZONE]), wanted=wanted, address_of=Resolver(server, port, caches=False).address
        )

    def look(self) -> Takeover:
        """What would be changed. Raises Refused when it must not be, Unreachable."""
        found = self.zone.name()
        if found != self.wanted.zone:
            raise Refused(
                f"the hosted zone is {found}, the plan's dns.zone is {self.wanted.zone}",
                next_step="correct zoneId of the foundation stack, or the plan",
            )
        takeover = take_over(self.wanted, self.zone.records(self.wanted.name))
        self._require_edge()
        return takeover

    def _require_edge(self) -> None:
        """Customers go to production's edge by its own name from then on: it must lead somewhere."""
        edge = self.wanted.edges["prod"]
        if edge == self.wanted.name:
            raise Refused(
                f"prodEdge is the public name itself, {edge}: the record would lead to itself",
                next_step="give production's edge a name of its own, and set prodEdge of the foundation stack to it",
            )
        try:
            self.address_of(edge)
        except DrError as error:
            raise Refused(
                f"{edge} leads nowhere, and customers would be sent there: {error.what}",
                next_step="make that record first (prodEdge of the foundation stack), or name a DNS server with "
                "--resolver IP:PORT",
            ) from None

    def execute(self, shown: Takeover, *, sleep: Callable[[float], None] = time.sleep) -> None:
        """Change it, and wait until every name server knows. Raises Refused when what stands there is no longer what
        was shown, Failed when it is not seen in time."""
        if take_over(self.wanted, self.zone.records(self.wanted.name)).old != shown.old:
            raise Refused(
                f"the record of {self.wanted.name} has changed since it was shown; nothing was changed",
                next_step="run the command again and compare",
            )
        try:
            change = self.zone.change(shown.batch())
        except Ambiguous:
            if not is_pair(self.wanted, self.zone.records(self.wanted.name)):
                raise
            return
        for _ in range(int(LONGEST_SECONDS / _POLL_SECONDS)):
            if self.zone.in_sync(change):
                return
            sleep(_POLL_SECONDS)
        raise Failed(
            f"the change is made, but not at every name server after {LONGEST_SECONDS:.0f} s",
            next_step=f"look at it: aws route53 get-change --id {change}",
        )

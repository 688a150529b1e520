"""Health checks' state, as Route 53 determines it
(https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/dns-failover-determining-health-of-endpoints.html).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# Healthy when more than 18 % of the checkers say so.
HEALTHY_SHARE = 0.18
# Route 53 has 15 or more checkers a check; three show the same rule on a small machine: one healthy voice is enough.
CHECKERS = 3
KNOWN_TYPES = frozenset({"HTTP", "HTTPS", "HTTP_STR_MATCH", "HTTPS_STR_MATCH"})


@dataclass(frozen=True)
class CheckConfig:
    """A declared health check. `interval` is in seconds."""

    id: str
    type: str
    fqdn: str
    port: int
    path: str
    search_string: str
    interval: int
    threshold: int
    inverted: bool
    disabled: bool

    @classmethod
    def parse(cls, entry: Mapping[str, Any]) -> "CheckConfig":
        """From ListHealthChecks, with Route 53's defaults."""
        config = entry["HealthCheckConfig"]
        kind = config["Type"]
        return cls(
            id=entry["Id"],
            type=kind,
            fqdn=config.get("FullyQualifiedDomainName") or config.get("IPAddress") or "",
            port=int(config.get("Port") or (443 if kind.startswith("HTTPS") else 80)),
            path=config.get("ResourcePath") or "/",
            search_string=config.get("SearchString") or "",
            interval=int(config.get("RequestInterval") or 30),
            threshold=int(config.get("FailureThreshold") or 3),
            inverted=bool(config.get("Inverted")),
            disabled=bool(config.get("Disabled")),
        )


@dataclass
class Opinion:
    """What one checker says: its first result counts at once, a change needs `threshold` results in a row."""

    healthy: bool | None = None
    against: int = 0

    def observe(self, passed: bool, threshold: int) -> None:
        """Take one result in."""
        if self.healthy is None or passed == self.healthy:
            self.healthy = passed if self.healthy is None else self.healthy
            self.against = 0
            return
        self.against += 1
        if self.against >= threshold:
            self.healthy, self.against = passed, 0


@dataclass
class HealthCheck:
    """A check and its checkers' opinions."""

    config: CheckConfig
    opinions: list[Opinion] = field(default_factory=lambda: [Opinion() for _ in range(CHECKERS)])

    @property
    def has_data(self) -> bool:
        """True when at least one checker has an opinion."""
        return any(opinion.healthy is not None for opinion in self.opinions)

    @property
    def healthy(self) -> bool:
        """After inversion. Without data, or disabled, an endpoint counts as healthy: an inverted check as unhealthy."""
        return self._endpoint_healthy() != self.config.inverted

    def _endpoint_healthy(self) -> bool:
        voices = [opinion.healthy for opinion in self.opinions if opinion.healthy is not None]
        if not voices or self.config.disabled:
            return True
        return sum(voices) / len(voices) > HEALTHY_SHARE

"""What an operator may take upon himself in a promotion, by the names that the command line and the journal use."""

from dataclasses import dataclass
from datetime import timedelta

LOST, LOSS, LOCAL, ROOM = "production-is-lost", "accept-loss", "local-journal", "without-room"
UNPROVEN, UNDRAINED, NO_REDIS = "guard-unproven", "log-undrained", "without-redis"


@dataclass(frozen=True, kw_only=True)
class Overrides:
    """What the operator takes upon himself; each is named in the journal."""

    production_is_lost: str = ""  # the reason, in his words
    accept_loss: timedelta | None = None
    local_journal: bool = False
    guard_unproven: bool = False
    without_room: bool = False
    log_undrained: bool = False
    without_redis: bool = False

    def names(self) -> dict[str, str]:
        """Those given, for journal and result."""
        given = {
            LOST: self.production_is_lost,
            LOSS: f"{self.accept_loss.total_seconds():g} s" if self.accept_loss else "",
            LOCAL: "yes" if self.local_journal else "",
            UNPROVEN: "yes" if self.guard_unproven else "",
            ROOM: "yes" if self.without_room else "",
            UNDRAINED: "yes" if self.log_undrained else "",
            NO_REDIS: "yes" if self.without_redis else "",
        }
        return {name: value for name, value in given.items() if value}

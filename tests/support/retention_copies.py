"""What a simulated retention is made of: copies as they really happened, what is under test, and luck."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from recovery.copies.catalog import Catalog, Copy
from recovery.copies.pruning import Verdict
from recovery.copies.retention import lock_term
from recovery.plan.plan import Plan
from recovery.plan.sites import SiteName
from tests.support.lifecycle_oracle import S3Rule

START = datetime(2027, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
BIG, SMALL = 10**9, 1000


@dataclass(slots=True, eq=False)
class Made:
    """A copy as it really happened. `hidden` and `removed`: per bucket, when it was ended and when it was gone."""

    copy: Copy
    site: SiteName
    locked_until: datetime | None
    base: "Made | None"
    builders: list["Made"] = field(default_factory=list)
    arrived: dict[SiteName, datetime] = field(default_factory=dict)
    hidden: dict[SiteName, datetime] = field(default_factory=dict)
    removed: dict[SiteName, datetime] = field(default_factory=dict)
    cold: bool = False
    unbroken: int = 0  # of a log: days with the same number follow one another without a hole

    @property
    def keys(self) -> list[tuple[str, int]]:
        data = (f"{self.copy.folder}data", BIG)
        return [data, (f"{self.copy.folder}manifest.json", SMALL)] if self.copy.complete else [data]

    def held(self, site: SiteName) -> bool:
        return site in self.arrived and site not in self.hidden


@dataclass(frozen=True, kw_only=True)
class Practice:
    """What is under test: the rules, the pruner, the locks."""

    rules: Callable[[Plan, SiteName], list[S3Rule]]
    decide: Callable[[Catalog, Plan, datetime], Verdict]
    lock: Callable[..., datetime | None]


@dataclass(frozen=True, kw_only=True)
class Luck:
    """How often things go wrong, per run or per day."""

    missed: float = 0.06
    broken: float = 0.03
    late: float = 0.1
    silence: float = 0.006  # a dataset's backups stop for weeks
    failover: float = 0.008
    log_hole: float = 0.006
    slow_replica: float = 0.03
    unreadable: float = 0.01  # a manifest, for a day


def locked_until(
    plan: Plan, dataset: str, kind: str, site: SiteName, *, started: datetime, base_locked_until: datetime | None = None
) -> datetime | None:
    """What a writer of chains has to do: the date for Object Lock at PUT; None: no lock, because the base's has ended
    (S3 refuses a date in the past).

    `base_locked_until` is the lock of the copy this one builds on, None where it builds on none. Never outlasting the
    base costs nothing: without its base the copy could not be restored anyway.
    """
    end = started + lock_term(plan, dataset, kind, site)
    if base_locked_until is not None:
        end = min(end, base_locked_until)
    return end if end > started else None

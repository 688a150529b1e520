"""Which copies in a bucket have served their time: pure decisions over the catalog; deleting is the pruner's.

A copy goes when its own term is over and nothing that is kept needs it. What is needed:

- the newest full of a dataset, and the newest verified one, whatever their age;
- what a kept copy builds on (`parent`), and what the next one will;
- for every moment within the log's term, the newest full before it and all log since that full began;
- in production's bucket, what the DR bucket should have and has not;
- what is locked: whoever finds a locked copy hidden knows that the pruner did not do it.

A dataset whose catalog has a gap that nothing explains is left alone, all of it: what cannot be seen may need what can.
A decision to prune is carried out in the order given, and with delete markers only; it may end anywhere: chains go from
their tips and log from its beginning, so what is left over is a chain, or log without a hole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import takewhile

from recovery.copies.catalog import Catalog, Copy
from recovery.copies.gaps import CLOCKS, gaps_of
from recovery.copies.retention import BUILDS_ON, FULL, LOG, CopyTerms, copy_terms
from recovery.plan.plan import Plan
from recovery.plan.schedules import longest_gap
from recovery.plan.sites import SiteName
from recovery.units import format_duration, read_duration

SCHEDULE, TIME_LIMIT = "40 */6 * * *", timedelta(hours=1)
"""When each bucket is pruned, and how long a run may take: often enough that a hidden copy is told of the same day."""
LONGEST_SILENCE = longest_gap((SCHEDULE,)) + 2 * TIME_LIMIT
"""Between two runs of a pruner: its interval, a late start, a run that takes all its time."""

# A run that is this late is over: its Job was ended at the time limit, and clocks differ.
SURELY_OVER = timedelta(days=1)
_BEGINNING = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Keep:
    """The copy stays, and why."""

    copy: Copy
    reason: str


@dataclass(frozen=True, slots=True)
class Prune:
    """The copy goes, and why."""

    copy: Copy
    reason: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A decision for every copy; `gaps`: per dataset, why nothing of it was judged. Prunes come in their order."""

    keeps: tuple[Keep, ...]
    prunes: tuple[Prune, ...]
    gaps: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])


def decide(catalog: Catalog, plan: Plan, now: datetime) -> Verdict:
    """Judge every copy of `catalog` at `now`. A gap in one dataset leaves the others' decisions alone."""
    keeps: list[Keep] = []
    prunes: list[Prune] = []
    gaps: dict[str, tuple[str, ...]] = {}
    terms = {(each.dataset, each.kind): each for each in copy_terms(plan)}
    copies: dict[str, list[Copy]] = {}
    for copy in catalog.copies:
        copies.setdefault(copy.dataset, []).append(copy)
    for dataset, mine in copies.items():
        kinds = {kind: each for (of, kind), each in terms.items() if of == dataset}
        found = gaps_of(catalog, dataset, mine, {kind: each.kept(catalog.site) for kind, each in kinds.items()}, now)
        if found:
            gaps[dataset] = found
            keeps.extend(Keep(copy, f"not judged: {found[0]}") for copy in mine)
            continue
        reasons = _Dataset(mine, kinds, catalog, now).reasons
        for copy in sorted(mine, key=_turn):
            reason = reasons.get(copy.folder)
            if reason is None:
                prunes.append(Prune(copy, _why(copy, kinds[copy.kind], catalog.site, now)))
            else:
                keeps.append(Keep(copy, reason))
    return Verdict(keeps=tuple(keeps), prunes=tuple(prunes), gaps=gaps)


def _turn(copy: Copy) -> tuple[bool, float]:
    """Backups before log, the newest of them first; of log the oldest."""
    at = copy.finished.timestamp()
    return (True, at) if copy.kind == LOG else (False, -at)


class _Dataset:
    """One dataset's copies; `reasons` says why a folder is kept, and holds no folder that may go."""

    def __init__(self, copies: Sequence[Copy], terms: Mapping[str, CopyTerms], catalog: Catalog, now: datetime) -> None:
        self._copies = sorted(copies, key=lambda each: each.finished)
        self._terms = terms
        self._catalog = catalog
        self._now = now
        self._line = self._without_strays()
        self._fulls = [copy for copy in self._line if copy.kind == FULL and not copy.withheld]
        self.reasons: dict[str, str] = {}
        self._within_terms()
        self._newest()
        self._not_elsewhere()
        self._for_moments()
        self._parents()

    def _within_terms(self) -> None:
        site = self._catalog.site
        since = {kind: _ago(self._now, each.kept(site)) for kind, each in self._terms.items()}
        words = {kind: f"within its term of {format_duration(each.kept(site))}" for kind, each in self._terms.items()}
        for copy in self._copies:
            if copy.kind not in since:
                self.reasons[copy.folder] = "the plan knows no such copies, so nobody said when they end"
            elif _unfinished(copy):
                terms = self._terms[copy.kind]
                if copy.finished >= self._now - terms.start_deadline - terms.time_limit - SURELY_OVER:
                    self.reasons[copy.folder] = "unfinished, perhaps still being written"
            elif copy.finished >= since[copy.kind]:
                # What it lacks may be on its way, or hidden: neither is a reason to end the rest.
                lacking = ", though not all of it is there" if copy.lacking else ""
                self.reasons[copy.folder] = words[copy.kind] + lacking
            if copy.locked_until and copy.locked_until > self._now:
                self.reasons.setdefault(copy.folder, f"locked until {copy.locked_until:%Y-%m-%d %H:%M}")

    def _without_strays(self) -> list[Copy]:
        """Complete copies by age, without those that a fenced site made beside its successor's (fault 68)."""
        found: list[Copy] = []
        epoch = 0
        for copy in self._copies:
            if copy.epoch >= epoch and copy.complete:
                epoch = copy.epoch
                found.append(copy)
        return found

    def _newest(self) -> None:
        verified = [copy for copy in self._fulls if copy.verified]
        found = [(self._fulls[-1:], "the newest full"), (verified[-1:], "the newest verified full")]
        for kind in self._terms:
            bases = [copy for copy in self._line if copy.kind in BUILDS_ON.get(kind, ())]
            found.append((bases[-1:], f"the next {kind} builds on it"))
        for newest, words in found:
            if newest:
                self.reasons.setdefault(newest[0].folder, words)

    def _not_elsewhere(self) -> None:
        elsewhere = self._catalog.elsewhere
        if self._catalog.site == "dr":
            return
        words = "the DR bucket could not be asked" if elsewhere is None else "the DR bucket has no replica of it"
        for copy in self._copies:
            if copy.folder in self.reasons or not copy.complete or copy.folder in (elsewhere or ()):
                continue
            if copy.finished >= _ago(self._now, self._terms[copy.kind].kept("dr")):
                self.reasons[copy.folder] = words

    def _for_moments(self) -> None:
        """Keep what takes the database to any moment since the log's term began: fulls, and log from the first on."""
        if LOG not in self._terms or not self._terms[LOG].in_bucket_of(self._catalog.site):
            return
        logs = [copy for copy in self._copies if copy.kind == LOG]
        if not logs:
            return
        first_moment = _ago(self._now, self._terms[LOG].kept(self._catalog.site))
        before = list(takewhile(lambda full: full.finished <= first_moment - CLOCKS, self._fulls))
        first = before[-1:]
        bases = [*first, *self._fulls[len(before) :]]
        last_log = logs[-1].finished
        for full in bases:
            if full.started <= last_log and first_moment <= last_log:
                self.reasons.setdefault(full.folder, "log that is kept begins at it")
        if first and first_moment <= last_log:
            for log in logs:
                if log.finished >= first[0].started - CLOCKS or _reads(first[0], log):
                    self.reasons.setdefault(log.folder, f"full {first[0].id} needs it to reach the log's term")

    def _parents(self) -> None:
        by_id = {copy.id: copy for copy in self._copies}
        for copy in reversed(self._copies):
            if copy.folder in self.reasons and copy.kind != LOG and copy.parent in by_id:
                self.reasons.setdefault(by_id[copy.parent].folder, f"{copy.kind} {copy.id} builds on it")


def _unfinished(copy: Copy) -> bool:
    """Whether it never got a manifest. Of log there is none."""
    return copy.kind != LOG and not copy.complete and not copy.lacking


def _reads(full: Copy, log: Copy) -> bool:
    """Whether a restore of `full` reads `log`, by their places: whatever clocks said when they were written."""
    if full.position is None or log.position is None or full.source != log.source:
        return False
    return log.position > full.position


def _why(copy: Copy, terms: CopyTerms, site: SiteName, now: datetime) -> str:
    if _unfinished(copy):
        return f"never finished: no manifest after {read_duration(now - copy.finished)}"
    over = now - copy.finished - terms.kept(site)
    return f"{read_duration(over)} past its term of {format_duration(terms.kept(site))}, and nothing kept needs it"


def _ago(now: datetime, term: timedelta) -> datetime:
    """The moment `term` ago; the beginning of time where that is earlier, as for PERMANENT."""
    return now - term if term < now - _BEGINNING else _BEGINNING

"""Which copies in a bucket have served their time: pure decisions over the catalog; deleting is the pruner's.

A copy goes when its own term is over and nothing that is kept needs it. What is needed:

- the newest full of a dataset, and the newest verified one, whatever their age;
- what a kept copy builds on (`parent`), and what the next one will;
- for every moment within the log's term, the newest full before it and all log since that full began;
- in production's bucket, what the DR bucket should have and has not.

A dataset whose catalog has a gap that nothing explains is left alone, all of it: what cannot be seen may need what can.
A decision to prune is carried out in the order given, and with delete markers only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import takewhile

from recovery.catalog_gaps import gaps_of
from recovery.catalog_model import Catalog, Copy
from recovery.model import SiteName
from recovery.plan import Plan
from recovery.retention import BUILDS_ON, FULL, LOG, CopyTerms, copy_terms
from recovery.units import format_duration, read_duration

# A run that is this late is over: its Job was ended at the time limit, and clocks differ.
_SURELY_OVER = timedelta(days=1)
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
    """A decision for every copy; `gaps`: per dataset, why nothing of it was judged. Prunes come tips first."""

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
        for copy in sorted(mine, key=lambda each: each.finished, reverse=True):
            reason = reasons.get(copy.folder)
            if reason is None:
                prunes.append(Prune(copy, _why(copy, kinds[copy.kind], catalog.site, now)))
            else:
                keeps.append(Keep(copy, reason))
    return Verdict(keeps=tuple(keeps), prunes=tuple(prunes), gaps=gaps)


class _Dataset:
    """One dataset's copies; `reasons` says why a folder is kept, and holds no folder that may go."""

    def __init__(self, copies: Sequence[Copy], terms: Mapping[str, CopyTerms], catalog: Catalog, now: datetime) -> None:
        self._copies = sorted(copies, key=lambda each: each.finished)
        self._terms = terms
        self._catalog = catalog
        self._now = now
        self._line = self._without_strays()
        self._fulls = [copy for copy in self._line if copy.kind == FULL]
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
            elif not copy.complete and copy.kind != LOG:
                terms = self._terms[copy.kind]
                if copy.finished >= self._now - terms.start_deadline - terms.time_limit - _SURELY_OVER:
                    self.reasons[copy.folder] = "unfinished, perhaps still being written"
            elif copy.finished >= since[copy.kind]:
                self.reasons[copy.folder] = words[copy.kind]

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
        before = list(takewhile(lambda full: full.finished <= first_moment, self._fulls))
        first = before[-1:]
        bases = [*first, *self._fulls[len(before) :]]
        last_log = logs[-1].finished
        for full in bases:
            if full.started <= last_log and first_moment <= last_log:
                self.reasons.setdefault(full.folder, "log that is kept begins at it")
        if first and first_moment <= last_log:
            for log in logs:
                if log.finished >= first[0].started:
                    self.reasons.setdefault(log.folder, f"full {first[0].id} needs it to reach the log's term")

    def _parents(self) -> None:
        by_id = {copy.id: copy for copy in self._copies}
        for copy in reversed(self._copies):
            if copy.folder in self.reasons and copy.kind != LOG and copy.parent in by_id:
                self.reasons.setdefault(by_id[copy.parent].folder, f"{copy.kind} {copy.id} builds on it")


def _why(copy: Copy, terms: CopyTerms, site: SiteName, now: datetime) -> str:
    if not copy.complete and copy.kind != LOG:
        return f"never finished: no manifest after {read_duration(now - copy.finished)}"
    over = now - copy.finished - terms.kept(site)
    return f"{read_duration(over)} past its term of {format_duration(terms.kept(site))}, and nothing kept needs it"


def _ago(now: datetime, term: timedelta) -> datetime:
    """The moment `term` ago; the beginning of time where that is earlier, as for PERMANENT."""
    return now - term if term < now - _BEGINNING else _BEGINNING

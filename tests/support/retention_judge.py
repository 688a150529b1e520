"""What the retention table promises, held against what happened in the simulated buckets.

Nothing here asks `recovery.copies.pruning` or `recovery.copies.lifecycle`: the promises are worked out from the table
and from what was really made.
"""

from bisect import bisect_right, insort
from datetime import UTC, datetime, timedelta
from itertools import accumulate

from recovery.copies.retention import BUILDS_ON, FULL, LOG, longest_newest
from recovery.plan.plan import Plan
from recovery.plan.sites import SiteName
from recovery.units import PERMANENT
from tests.support.retention_copies import HOUR, Luck, Made, Practice
from tests.support.retention_world import World
from tests.support.simulated_bucket import COLD, DAY

NEVER = datetime.max.replace(tzinfo=UTC)
# Beside the undo window: the pruner runs once a day, and lifecycle acts at the next midnight.
SLACK = DAY + DAY


class Judge(World):
    """A world in which every broken promise is written down in `broken`, with the name of the promise first."""

    def __init__(self, plan: Plan, practice: Practice, seed: int, luck: Luck | None = None) -> None:
        super().__init__(plan, practice, seed, luck)
        self.broken: list[str] = []
        self.fulls: dict[tuple[SiteName, str], list[tuple[datetime, int, Made]]] = {}
        self.newest: dict[tuple[SiteName, str, str], Made] = {}
        self.logs: dict[str, list[Made]] = {}
        self.following: dict[
            tuple[str, str, tuple[str, ...], bool], tuple[list[tuple[int, datetime]], list[datetime]]
        ] = {}
        self.with_log = sorted({dataset for dataset, kind in self.terms if kind == LOG})
        self.span = {dataset: longest_newest(plan, dataset) for dataset, kind in self.terms if kind == FULL}

    def finish(self) -> list[str]:
        """At the end: what is still there, or went later than it should have."""
        for made in self.made:
            for site in made.arrived:
                allowed = self._needed_until(made, site)
                if allowed == NEVER:
                    continue
                allowed = max(allowed, made.arrived[site])  # a replica can be later than its own term
                refused = [day for day in self.refused.get((site, made.copy.dataset), []) if day > allowed - DAY]
                hidden = made.hidden.get(site, self.now)
                allowed += self._undo(made, site) + sum(day <= hidden for day in refused) * DAY
                allowed += SLACK
                if made.removed.get(site, self.now) > allowed:
                    self._broken("outlived", made, site, f"allowed until {allowed:%Y-%m-%d}")
        return self.broken

    def arrives(self, made: Made, site: SiteName) -> None:
        copy = made.copy
        if copy.kind == FULL and copy.complete:
            insort(self.fulls.setdefault((site, copy.dataset), []), (copy.finished, len(self.made), made))
            for words in ("full", "verified full") if copy.verified else ("full",):
                known = self.newest.setdefault((site, copy.dataset, words), made)
                if (copy.epoch, copy.finished) > (known.copy.epoch, known.copy.finished):
                    self.newest[site, copy.dataset, words] = made
        if copy.kind == LOG:
            self.logs.setdefault(copy.dataset, []).append(made)
        late = self.now - copy.finished > self._term(made, site)
        if made.base and copy.kind != LOG and made.base.hidden.get(site) and not late:
            self._broken("chain", made, site, "its base was ended before it came")
        self._lock(made, site)

    def ended(self, made: Made, site: SiteName, now: datetime) -> None:
        copy = made.copy
        if not copy.complete and copy.kind != LOG:
            return
        if now - copy.finished <= self._term(made, site):
            self._broken("term", made, site, f"ended after {now - copy.finished}")
        if made.locked_until and made.locked_until > now:
            self._broken("hidden", made, site, f"hidden although it is locked until {made.locked_until:%Y-%m-%d}")
        if any(each.held(site) and each.copy.complete for each in made.builders):
            self._broken("chain", made, site, "ended before what builds on it")
        if site == "prod" and "dr" not in made.arrived and now - copy.finished <= self._term(made, "dr"):
            self._broken("only-copy", made, site, "ended before it was replicated")

    def gone(self, made: Made, site: SiteName, now: datetime) -> None:
        if now - made.hidden[site] < self._undo(made, site):
            self._broken("undo", made, site, f"gone {now - made.hidden[site]} after it was ended")

    def got_cold(self, made: Made, site: SiteName, now: datetime) -> None:
        family = [made]
        for each in family:
            family += each.builders
            if each.held(site) and now - each.copy.finished < self._at_once(each, site):
                self._broken("at-once", each, site, f"needs {made.copy.id}, which is in Glacier")

    def day_over(self) -> None:
        for (site, _, words), made in self.newest.items():
            if not made.held(site):
                self._broken("newest", made, site, f"the newest {words} was ended")
        for dataset in self.with_log:
            self._moments(dataset)
        self._attack()

    def _moments(self, dataset: str) -> None:
        keep = self.terms[dataset, LOG].keep
        longest = keep.archive
        for age in (longest, longest - HOUR, keep.cloud, self.dice.random() * longest):
            moment = self.now - age
            base, logs = self._way_to(dataset, moment)
            if base is None:
                continue
            for made in [base, *logs]:
                if not made.held("dr"):
                    self._broken("moment", made, "dr", f"{moment:%Y-%m-%d %H:%M} cannot be reached any more")
                elif age <= keep.cloud and any(
                    self.buckets["dr"].versions[key].storage in COLD for key, _ in made.keys
                ):
                    self._broken("at-once", made, "dr", f"{moment:%Y-%m-%d %H:%M} waits for Glacier")

    def _way_to(self, dataset: str, moment: datetime) -> tuple[Made | None, list[Made]]:
        """What a restore to `moment` needs; none when it was missed: no full before it, or a hole in the log since."""
        fulls = self.fulls.get(("dr", dataset), [])
        number = bisect_right(fulls, moment, key=lambda each: each[0])
        if number == 0:
            return None, []
        base = fulls[number - 1][2]
        logs = self.logs.get(dataset, [])
        first = bisect_right(logs, base.copy.started, key=lambda each: each.copy.finished)
        last = bisect_right(logs, moment, key=lambda each: each.copy.started)
        way = logs[first:last]
        whole = way and way[0].copy.started <= base.copy.started and way[0].unbroken == way[-1].unbroken
        return (base, way) if whole and way[-1].copy.finished >= moment else (None, [])

    def _lock(self, made: Made, site: SiteName) -> None:
        copy, lock = made.copy, made.locked_until
        if made.base and lock and (made.base.locked_until is None or made.base.locked_until < lock):
            self._broken("lock", made, site, "locked for longer than its base")
        if lock and lock > copy.started + self._longest_lock(made):
            self._broken("lock", made, site, f"locked until {lock:%Y-%m-%d}, longer than anything may build on it")
        if not made.base and lock is None:
            self._broken("lock", made, site, "no lock")

    def _attack(self) -> None:
        """Stolen credentials delete versions for good: what is young enough, and what a locked copy builds on."""
        for _ in range(3):
            made = self.dice.choice(self.made)
            for site in made.arrived:
                bucket, key = self.buckets[site], made.keys[0][0]
                first = self.terms[made.copy.dataset, made.copy.kind]
                promised = first.at_once("dr" if first.direct else made.site)
                young = self.now < made.copy.started + promised
                if young and not made.base and bucket.delete_version(key, self.now):
                    self._broken("attack", made, site, f"deleted within {promised}")
                base = made.base
                locked = made.locked_until is not None and made.locked_until > self.now
                if base and locked and base.held(site) and bucket.delete_version(base.keys[0][0], self.now):
                    self._broken("attack", base, site, "deleted under a locked copy")

    def _needed_until(self, made: Made, site: SiteName) -> datetime:
        """When the last reason to keep it ends; `datetime.max` when none has ended yet."""
        copy, never = made.copy, NEVER
        terms = self.terms[copy.dataset, copy.kind]
        if not copy.complete and copy.kind != LOG:
            over = copy.finished + terms.start_deadline + terms.time_limit + DAY
            return max(over, made.locked_until or over)
        if self._term(made, site) == PERMANENT:
            return never
        ends = [copy.finished + self._term(made, site), made.locked_until or copy.finished]
        ends += [self._needed_until(each, site) for each in made.builders if site in each.arrived]
        if site == "prod":
            ends.append(min(made.arrived.get("dr", never), copy.finished + self._term_or_long(made, "dr")))
        log = self.terms.get((copy.dataset, LOG)) if site == "dr" else None
        for kind, on in BUILDS_ON.items():
            if copy.kind in on and (copy.dataset, kind) in self.terms:
                ends.append(self._followed(made, site, on))
        if copy.kind == FULL:
            ends.append(self._followed(made, site, (FULL,)))
            if copy.verified:
                ends.append(self._followed(made, site, (FULL,), verified=True))
        if log and copy.kind in (FULL, LOG):
            fulls = self.fulls.get((site, copy.dataset), [])
            number = bisect_right(
                fulls, copy.finished, key=lambda each: each[0] if copy.kind == FULL else each[2].copy.started
            )
            ends.append(
                max(fulls[number][0] + log.kept(site), fulls[number][2].arrived[site]) if fulls[number:] else never
            )
        return max(ends)

    def _followed(self, made: Made, site: SiteName, kinds: tuple[str, ...], *, verified: bool = False) -> datetime:
        """When the first newer copy of these kinds came."""
        key = (site, made.copy.dataset, kinds, verified)
        if key not in self.following:
            newer = sorted(
                ((each.copy.epoch, each.copy.finished), each.arrived[site])
                for each in self.made
                if each.copy.dataset == made.copy.dataset
                and each.copy.kind in kinds
                and each.copy.complete
                and site in each.arrived
                and each.copy.verified >= verified
            )
            firsts = [*accumulate((arrived for _, arrived in reversed(newer)), min, initial=NEVER)]
            self.following[key] = [line for line, _ in newer], firsts[::-1]
        lines, firsts = self.following[key]
        return firsts[bisect_right(lines, (made.copy.epoch, made.copy.finished))]

    def _longest_lock(self, made: Made) -> timedelta:
        """What docs/retention.md allows: the term of the bucket it was put into, or what may still build on it."""
        mine = self.terms[made.copy.dataset, made.copy.kind]
        bucket: SiteName = "dr" if mine.direct else made.site
        builds = [
            each.at_once(bucket)
            for (dataset, kind), each in self.terms.items()
            if dataset == mine.dataset and mine.kind in BUILDS_ON.get(kind, ()) and each.in_bucket_of(bucket)
        ]
        return max([mine.at_once(bucket), *(self.span[mine.dataset] + each for each in builds)])

    def _term(self, made: Made, site: SiteName) -> timedelta:
        keep = self.terms[made.copy.dataset, made.copy.kind].keep
        return keep.local if site == "prod" else max(keep.cloud, keep.archive)

    def _term_or_long(self, made: Made, site: SiteName) -> timedelta:
        return min(self._term(made, site), 3650 * DAY)

    def _at_once(self, made: Made, site: SiteName) -> timedelta:
        keep = self.terms[made.copy.dataset, made.copy.kind].keep
        return keep.local if site == "prod" else keep.cloud

    def _undo(self, made: Made, site: SiteName) -> timedelta:
        return max(self._at_once(made, site), 3 * DAY)

    def _broken(self, promise: str, made: Made, site: SiteName, what: str) -> None:
        copy = made.copy
        self.broken.append(f"{promise}: {copy.dataset} {copy.kind} {copy.id} in {site} on {self.now:%Y-%m-%d}: {what}")

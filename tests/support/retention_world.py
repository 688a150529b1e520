"""Days of copies, made, missed, late and broken, across failovers: what the simulation of retention judges."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from recovery.copies.catalog import Catalog, Copy, Named
from recovery.copies.retention import FULL, LOG, CopyTerms, copy_terms
from recovery.plan.plan import Plan
from recovery.plan.sites import SITES, SiteName
from tests.support.retention_copies import BIG, HOUR, START, Luck, Made, Practice
from tests.support.simulated_bucket import COLD, DAY, Bucket, Version


class World:
    """Two buckets and what goes into them. Subclassed by the judge, who hears of everything that ends."""

    def __init__(self, plan: Plan, practice: Practice, seed: int, luck: Luck | None = None) -> None:
        self.plan, self.practice, self.luck, self.dice = plan, practice, luck or Luck(), Random(seed)  # noqa: S311
        self.terms = {(each.dataset, each.kind): each for each in copy_terms(plan)}
        self.active: SiteName = "prod"
        self.epoch = 1
        self.now = START
        self.made: list[Made] = []
        self.by_folder: dict[str, Made] = {}
        self.held: dict[SiteName, dict[str, Copy]] = {site: {} for site in SITES}
        self.latest: dict[SiteName, dict[tuple[str, str], Named]] = {site: {} for site in SITES}
        self.last: dict[tuple[str, str], Made] = {}  # of this epoch
        self.log_number: dict[str, int] = {}
        self.silent_until: dict[str, datetime] = {}
        self.on_the_way: list[tuple[datetime, SiteName, Made]] = []
        self.buckets = {site: self._bucket(site) for site in SITES}
        self.refused: dict[tuple[SiteName, str], list[datetime]] = {}

    def run(self, days: int, stop: Callable[[], bool] = lambda: False) -> None:
        for number in range(days):
            self._one_day(START + number * DAY)
            if stop():
                return

    def arrives(self, made: Made, site: SiteName) -> None:
        """A copy is in a bucket now."""

    def ended(self, made: Made, site: SiteName, now: datetime) -> None:
        """A delete marker was placed."""

    def gone(self, made: Made, site: SiteName, now: datetime) -> None:
        """Its last bytes are gone."""

    def got_cold(self, made: Made, site: SiteName, now: datetime) -> None:
        """It takes hours to read from now on."""

    def day_over(self) -> None:
        """After lifecycle and pruner."""

    def _one_day(self, day: datetime) -> None:
        failover = day + 11 * HOUR if self.dice.random() < self.luck.failover else None
        for terms in self.terms.values():
            if terms.kind == LOG:
                self._log_day(terms.dataset, day, failover)
        if failover:
            self.epoch += 1
            self.active = "dr" if self.active == "prod" else "prod"
            self.last = {key: made for key, made in self.last.items() if key[1] == LOG}
        for terms in self.terms.values():
            if terms.kind != LOG:
                self._backups(terms, day, failover)
        self.now = day + DAY - HOUR
        waiting, self.on_the_way = self.on_the_way, []
        for when, site, made in sorted(waiting, key=lambda each: each[0]):
            self._arrive(when, site, made) if when <= self.now else self.on_the_way.append((when, site, made))
        for site in SITES:
            self.buckets[site].run_lifecycle(self.now)
            self._prune(site)
        self.day_over()

    def _log_day(self, dataset: str, day: datetime, failover: datetime | None) -> None:
        if self.dice.random() < self.luck.log_hole:
            self.last.pop((dataset, LOG), None)
            self.log_number[dataset] = self.log_number.get(dataset, 0) + 1
            return
        pieces = [(day, failover, False, self.epoch), (failover, day + DAY, True, self.epoch + 1)] if failover else []
        for start, end, complete, epoch in pieces or [(day, day + DAY, True, self.epoch)]:
            assert start and end
            before = self.last.get((dataset, LOG))
            continues = complete and before is not None and before.copy.epoch == epoch and before.copy.complete
            made = self._make(
                dataset,
                LOG,
                start,
                end - timedelta(seconds=1),
                epoch=epoch,
                parent=before if continues else None,
                complete=complete,
                base=self._newest_full(dataset),
            )
            made.unbroken = self.log_number.get(dataset, 0)
            self.last[dataset, LOG] = made

    def _backups(self, terms: CopyTerms, day: datetime, failover: datetime | None) -> None:
        dataset, kind = terms.dataset, terms.kind
        if self.dice.random() < self.luck.silence / 3:
            self.silent_until[dataset] = day + self.dice.randint(3, 25) * DAY
        hours = {"incremental": (9, 19), "snapshot": (17,)}.get(kind, (3,))
        if dataset == "configuration" and day.weekday() != 6:
            hours = ()
        if failover and kind == FULL:
            hours = (12,)
        for hour in hours:
            start = day + hour * HOUR
            if (failover and start < failover) or self.silent_until.get(dataset, day) > day:
                continue
            if self.dice.random() < self.luck.missed:
                continue
            parent = None
            if kind == "incremental":
                known = [self.last[key] for key in ((dataset, FULL), (dataset, kind)) if key in self.last]
                if not known:
                    continue
                parent = max(known, key=lambda each: each.copy.finished)
            start += self.dice.random() * 4 * HOUR if self.dice.random() < self.luck.late else timedelta()
            if parent and parent.copy.finished > start:
                continue
            broken = self.dice.random() < self.luck.broken
            made = self._make(
                dataset, kind, start, start + HOUR, epoch=self.epoch, parent=parent, complete=not broken, base=parent
            )
            if not broken:
                self.last[dataset, kind] = made

    def _make(
        self,
        dataset: str,
        kind: str,
        start: datetime,
        end: datetime,
        *,
        epoch: int,
        parent: Made | None,
        complete: bool,
        base: Made | None,
    ) -> Made:
        name = f"{start:%Y%m%dT%H%M%SZ}-{len(self.made)}"
        copy = Copy(
            dataset=dataset,
            kind=kind,
            id=name,
            folder=f"{dataset}/{kind}/{epoch:08d}/7/{name}/",
            epoch=epoch,
            source="7",
            started=start,
            finished=end,
            parent=parent.copy.id if parent else None,
            verified=kind == FULL and complete and self.dice.random() < 0.3,
            complete=complete,
        )
        locked = self.practice.lock(
            self.plan, dataset, kind, self.active, started=start, base_locked_until=base.locked_until if base else None
        )
        if base and base.locked_until is None:
            locked = None
        copy = replace(copy, locked_until=locked)
        made = Made(copy, self.active, locked, base)
        self.made.append(made)
        self.by_folder[copy.folder] = made
        if parent and kind != LOG:
            parent.builders.append(made)
        if self.active == "prod" and not self.terms[dataset, kind].direct:
            slow = self.dice.random() < self.luck.slow_replica
            self.on_the_way.append((end, "prod", made))
            delay = self.dice.randint(2, 60) * HOUR if slow else timedelta(minutes=10)
            if complete:  # what never was an object is not replicated; here neither is what has no manifest
                self.on_the_way.append((end + delay, "dr", made))
        else:
            self.on_the_way.append((end, "dr", made))
        return made

    def _newest_full(self, dataset: str) -> Made | None:
        named = self.latest["dr"].get((dataset, FULL))
        return self.by_folder[named.folder] if named else None

    def _arrive(self, when: datetime, site: SiteName, made: Made) -> None:
        copy = made.copy
        for key, size in made.keys:
            # A replica keeps its original's time of creation, and lifecycle counts from that:
            # https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-and-other-bucket-configs.html
            self.buckets[site].put(key, size, copy.finished, made.locked_until)
        made.arrived[site] = when
        self.held[site][copy.folder] = copy
        known = self.latest[site].get((copy.dataset, copy.kind))
        if copy.complete and (known is None or known.finished < copy.finished):
            self.latest[site][copy.dataset, copy.kind] = Named(folder=copy.folder, finished=copy.finished)
        self.arrives(made, site)

    def _prune(self, site: SiteName) -> None:
        held = self.held[site]
        damaged: dict[str, tuple[str, ...]] = {}
        if held and self.dice.random() < self.luck.unreadable:
            unreadable = self.dice.choice([*held.values()])
            damaged[unreadable.dataset] = (unreadable.folder,)
            held = {folder: copy for folder, copy in held.items() if folder != unreadable.folder}
        catalog = Catalog(
            site=site,
            copies=tuple(held.values()),
            latest=self.latest[site],
            damaged=damaged,
            elsewhere=frozenset(self.held["dr"]) if site == "prod" else None,
        )
        verdict = self.practice.decide(catalog, self.plan, self.now)
        for dataset in verdict.gaps:
            self.refused.setdefault((site, dataset), []).append(self.now)
        for prune in verdict.prunes:
            made = self.by_folder[prune.copy.folder]
            for key, _ in reversed(made.keys):
                self.buckets[site].place_delete_marker(key, self.now)
            self._hide(made, site, self.now)

    def _hide(self, made: Made, site: SiteName, now: datetime) -> None:
        made.hidden[site] = now
        del self.held[site][made.copy.folder]
        self.ended(made, site, now)

    def _bucket(self, site: SiteName) -> Bucket:
        def hid(version: Version, now: datetime) -> None:
            if version.bytes == BIG:
                self._hide(self._made(version), site, now)

        def moved(version: Version, now: datetime) -> None:
            if version.storage in COLD:
                self.got_cold(self._made(version), site, now)

        def removed(version: Version, now: datetime) -> None:
            if version.bytes == BIG:
                self._made(version).removed[site] = now
                self.gone(self._made(version), site, now)

        return Bucket(self.practice.rules(self.plan, site), hid, moved, removed)

    def _made(self, version: Version) -> Made:
        return self.by_folder[version.key.rpartition("/")[0] + "/"]

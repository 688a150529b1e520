"""The story `make lab` tells: production takes orders, is backed up, is lost, and the shop goes on at the DR site."""

import json
import time
from dataclasses import dataclass, field
from typing import Any

from lab.aws.reach import Attempt
from lab.aws.site import check_states
from lab.machine.addresses import DNS_PORT
from lab.machine.engine import Result
from lab.machine.processes import wait_until
from lab.project import STACKS
from lab.story import backup_job, dropped_table, due_full, log_lag, observers, standby_restart, stream_cut, walls, words
from lab.story.measure import Change, first_at_dr, lost
from lab.story.observers import Observers
from lab.story.progress import Progress
from lab.ultramarket.shop import Order, read_ledger
from lab.world import World
from recovery.plan.plan import SERVICES

UNCACHED, CACHED = "asks-every-time", "caches"
ORDERS_BEFORE = 30
_CHANGES = ("+", "-", "~", "+-", "++", "--")


@dataclass
class Facts:
    """What was seen; `lab.story.report` turns it into the report."""

    preview_second: dict[str, int] = field(default_factory=dict)
    standby_restart: dict[str, Any] = field(default_factory=dict)
    backup: dict[str, Any] = field(default_factory=dict)
    walls: dict[str, Any] = field(default_factory=dict)
    log: dict[str, Any] = field(default_factory=dict)
    beyond_the_stream: dict[str, Any] = field(default_factory=dict)
    epoch_before: int = 0
    epoch_after: int = 0
    died: float = 0.0
    promote_started: float = 0.0
    forecast: dict[str, Any] = field(default_factory=dict)
    promotion: dict[str, Any] = field(default_factory=dict)
    lease_taken: Change | None = None
    database_promoted: Change | None = None
    marker_seen: Change | None = None
    name_moved: Change | None = None
    orders: list[Order] = field(default_factory=list)
    stored: set[str] = field(default_factory=set)
    carts: set[str] = field(default_factory=set)
    attempts: list[Attempt] = field(default_factory=list)
    restore: dict[str, Any] = field(default_factory=dict)
    due_full: dict[str, Any] = field(default_factory=dict)
    write_refused: dict[str, str] = field(default_factory=dict)
    up_while_dead: dict[str, Any] = field(default_factory=dict)


class Scenario:
    """One telling. Each method is a phase; what it saw goes into `facts`."""

    def __init__(self, world: World, progress: Progress) -> None:
        self.world, self.progress, self.facts = world, progress, Facts()
        self.ledger = world.folder / "ledger.jsonl"
        self.resolver = ("--resolver", f"{world.block.dns}:{DNS_PORT}")

    def sites(self) -> None:
        """What exists before Pulumi; the foundation stack needs no cluster, so it begins while they start."""
        world = self.world
        with self.progress.phase(
            "sites", "starting AWS's stand-in, two Kubernetes clusters, production's database", 10
        ):
            beside = [world.later(world.create_primary), world.later(world.start_clusters)]
            world.start_aws()
            world.make_project()
            world.start_dns()
            world.adopt_name()
            self.foundation = world.later(world.engine.up, "foundation")
            for each in beside:
                each.result()

    def provision(self) -> None:
        """Three stacks on Pulumi's real engine; the failover record is armed in its second apply."""
        world, engine = self.world, self.world.engine
        with self.progress.phase("provision", "pulumi up: foundation, prod, dr", 25):
            self.foundation.result().must()
            self.progress.say("foundation is up; giving production the lease")
            lease = world.later(self._must, "lease", "init", "--site", "prod")
            engine.up("prod").must()
            lease.result()
            self.progress.say("prod is up; its gate opens under the lease")
            world.start_production()
            engine.up("dr").must()
            self._arm_failover()
            self.progress.say("dr is up; the failover record refers to its health check")
        self.previews = {stack: world.later(engine.preview, stack) for stack in STACKS}

    def orders(self) -> None:
        """Customers order, the CronJob's Job makes a backup, the replicator brings it over."""
        world = self.world
        with self.progress.phase(
            "orders and backup", "orders flow; a full backup by the CronJob's Job; second previews; walls", 15
        ):
            self._open_shop()
            self._wait_orders("prod", ORDERS_BEFORE)
            self.progress.say(f"{len(read_ledger(self.ledger))} orders acknowledged by production")
            with log_lag.LogLag(world) as lag:
                self.facts.backup = backup_job.run(world)
            self.facts.log = lag.report()
            self.progress.say(words.log(self.facts.log))
            self.progress.say(words.backup(self.facts.backup))
            for stack, preview in self.previews.items():
                self.facts.preview_second[stack] = preview.result().must().changes
            self.progress.say(words.second_previews(self.facts.preview_second))
            wait_until(
                lambda: observers.standby_streams(world), timeout=30, what="the DR standby to stream", interval=0.2
            )
            wait_until(lambda: observers.redis_follows(world), timeout=30, what="the DR Redis to follow", interval=0.2)
            self.facts.walls = walls.check(world)
            self.progress.say(words.walls(self.facts.walls))

    def restart_standby(self) -> None:
        """A Pod is deleted, as when its node is replaced: the next one must find its volume and follow on."""
        world = self.world
        with self.progress.phase("standby restart", "the DR site's database Pod is deleted", 4):
            self.facts.standby_restart = standby_restart.run(world)
            self.progress.say(words.restart(self.facts.standby_restart))

    def cut_stream(self) -> None:
        """The last seconds of production reach the DR site through the bucket alone."""
        with self.progress.phase("stream cut", "the standby's stream is cut; orders and their log go on", 6):
            stream_cut.cut(self.world)

    def lose_production(self) -> None:
        """No warning: databases, cluster, its AWS region, and us-east-1's control planes with it."""
        world = self.world
        with self.progress.phase("loss", "production's region dies", 1):
            self.facts.epoch_before = int(observers.lease_item(world)["epoch"])
            self.facts.beyond_the_stream = stream_cut.beyond_the_stream(world)
            world.aws.reach.region_gone("us-east-1")
            world.prod.kill()
            world.supervisor.kill(world.redis.name)
            self.facts.died = time.monotonic()
            self.progress.say(words.beyond_the_stream(self.facts.beyond_the_stream))
            self.progress.say("production is gone: database, cluster, us-east-1", "bold red")

    def dry_run(self) -> None:
        """What the failover engineer reads before deciding."""
        with self.progress.phase("dry run", "dr promote (dry run)", 5):
            print(self._must("promote", *self.resolver))

    def promote(self) -> None:
        """`dr promote --execute`, watched from outside. Its last step, a resolver that caches, ends beside the next."""
        world = self.world
        lease = world.plan.lease
        usually = (lease.duration + lease.margin).total_seconds() + 16
        with self.progress.phase("promotion", "dr promote --execute", usually), Observers(world) as seen:
            before = len(world.aws.reach.attempts())
            self.facts.promote_started = time.monotonic()
            self.promotion = world.later(self._must, "promote", "--execute", "--json", *self.resolver)
            self._wait_first_order_at_dr(UNCACHED)
            # The services have their last order to scale: nobody needs to wait for the other.
            self.changing = world.later(self._change_dr)
            self._wait_first_order_at_dr(CACHED)
            self.facts.attempts = world.aws.reach.attempts()[before:]
            self.facts.lease_taken = seen.lease.first("dr")
            self.facts.database_promoted = seen.database.first(False)
            self.facts.marker_seen = seen.marker.first(True)
            self.facts.name_moved = seen.name.first(world.block.dr.edge)
        self.facts.epoch_after = int(observers.lease_item(world)["epoch"])
        self.progress.say("customers order at the DR site under the same name", "bold green")

    def up_while_dead(self) -> None:
        """The end of what began when orders flowed again: production's region is still unreachable."""
        with self.progress.phase("dr up", "pulumi up on dr with production unreachable", 12):
            self.facts.up_while_dead = self.changing.result()
            self.progress.say(words.change(self.facts.up_while_dead))

    def _change_dr(self) -> dict[str, Any]:
        """A setting homed in the DR region changes; then a preview looks at everything that is there."""
        engine = self.world.engine
        before = self._replicas()
        engine.run("config", "set", "ultramarket-dr:nodes", "8", stack="dr").must()
        changed = _changed(engine.up("dr").must())
        left = engine.preview("dr", refresh=True).must().changes
        after = self._replicas()
        full = {name: service.full for name, service in self.world.plan.services.items()}
        return {"changed": changed, "replicas_kept": before == after == full, "preview_with_refresh": left}

    def production_returns(self) -> None:
        """Database and cluster come back where they were; the gate must stay closed."""
        world = self.world
        with self.progress.phase("production returns", "production's database and cluster come back", 4):
            self.due = world.later(due_full.run, world)
            world.prod.restart()
            world.redis.start()
            wait_until(world.primary.accepts, timeout=30, what="production's database to come back", interval=0.2)
            wait_until(
                lambda: observers.guard_speaks(world), timeout=20, what="production's guard to start", interval=0.2
            )
            self.facts.write_refused = observers.write_as_application(world)
            self.progress.say(words.refusals(self.facts.write_refused))

    def count(self) -> None:
        """The promotion has ended well, and every acknowledged order must be in the DR site's database."""
        self.facts.promotion = json.loads(self.promotion.result())
        self.facts.forecast = self.facts.promotion["forecast"]
        self.facts.log["goes_on_at_dr"] = log_lag.goes_on(self.world, self.facts.epoch_after)
        self.facts.log |= stream_cut.drained(self.world, self.facts.beyond_the_stream)
        self.progress.say(words.drained(self.facts.log))
        self.facts.orders = read_ledger(self.ledger)
        self.facts.stored = observers.orders_stored(self.world)
        self.facts.carts = observers.carts_stored(self.world, [order.id for order in self.facts.orders])

    def dropped_table(self) -> None:
        """A mistake, not a failover: no site is better off, so the moment before is looked at beside it."""
        world, facts = self.world, self.facts
        with self.progress.phase("dropped table", "orders are dropped at DR; dr restore --beside brings them back", 12):
            dropped = dropped_table.drop(world)
            self.progress.say(f"the table orders is gone, with {len(dropped.orders)} orders", "bold red")
            log_lag.goes_on(world, facts.epoch_after)
            facts.restore = dropped_table.bring_back(world, self._must, dropped, self._kept_orders)
            self.progress.say(words.restore(facts.restore))
            facts.due_full = self.due.result()
            self.progress.say(words.due_full(facts.due_full))

    def _kept_orders(self) -> set[str]:
        """Acknowledged to customers until now, less those that the promotion lost."""
        gone = {order.id for order in lost(self.facts.orders, self.facts.stored)}
        return {order.id for order in read_ledger(self.ledger)} - gone

    def _open_shop(self) -> None:
        world = self.world
        world.aws.start(
            "shop", "lab.ultramarket.shop", "--dns", f"{world.block.dns}:{DNS_PORT}", "--name", world.plan.dns.name,
            "--ledger", str(self.ledger),
        )  # fmt: skip

    def _wait_orders(self, site: str, count: int) -> None:
        """Until each customer has `count` orders acknowledged by `site`."""

        def enough() -> bool:
            orders = [order for order in read_ledger(self.ledger) if order.site == site]
            return all(sum(order.client == each for order in orders) >= count for each in (UNCACHED, CACHED))

        shop = self.world.supervisor.children["shop"]
        wait_until(enough, timeout=60, what=f"{count} orders of each customer at {site}", alive=[shop], interval=0.2)

    def _arrived(self, customer: str) -> bool:
        if self.promotion.done():
            self.promotion.result()  # a promotion that failed says why
        return first_at_dr(read_ledger(self.ledger), customer) is not None

    def _wait_first_order_at_dr(self, customer: str) -> None:
        what = f"the first order at DR of the client that {customer}"
        wait_until(lambda: self._arrived(customer), timeout=90, what=what, interval=0.2)  # the ledger has the time

    def _arm_failover(self) -> None:
        """The second apply: the record may refer to the check once the check has data."""
        world = self.world
        wait_until(lambda: checks_have_data(world), timeout=30, what="the failover check to have data", interval=0.2)
        world.arm_failover()

    def _replicas(self) -> dict[str, int]:
        path = f"/apis/apps/v1/namespaces/{self.world.plan.sites.dr.namespace}/deployments"
        found = {each["metadata"]["name"]: each["spec"]["replicas"] for each in self.world.dr.api().get(path)["items"]}
        return {name: found.get(name, 0) for name in SERVICES}

    def _must(self, *arguments: str) -> str:
        """A `dr` command that has to succeed; what it printed."""
        done = self.world.dr_command(*arguments)
        if done.returncode:
            raise RuntimeError(f"dr {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout


def _changed(result: Result) -> list[str]:
    """Names of the resources an `up` changed, from its summary lines such as ` ~  aws:eks:NodeGroup nodes updated`."""
    lines = [line.split() for line in result.output.splitlines()]
    return [words[2] for words in lines if len(words) > 3 and words[0] in _CHANGES and not words[3].endswith("ing")]


def checks_have_data(world: World) -> bool:
    """Whether every declared health check has been answered, by the data plane's own status."""
    checks = check_states(world.aws)
    return len(checks) >= 2 and all(check["has_data"] for check in checks.values())

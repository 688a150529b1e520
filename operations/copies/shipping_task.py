"""What a shipper's process is told: all that it needs of plan, account and options, so that it loads none of them.

The command reads and checks them, then becomes that process (ADR 33). No secret is in it: logins are in the
environment.
"""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any, Self

from engines.shipping import Heard, Log, Terms
from operations.copies.ship_log import Shipper, ShippingOrder
from recovery.errors import Refused
from recovery.plan.sites import SiteName

if TYPE_CHECKING:
    from operations.context import Context
    from recovery.plan.plan import Plan


@dataclass(frozen=True, kw_only=True)
class Task:
    """`log` is the class that follows the dataset's log, as `module:name`; `section`: what the plan says
    about the dataset, as JSON, where the log wants to know; `replicas` are the regions of the control
    table, the nearer one first, and `attempt_seconds` for one attempt at one of them."""

    log: str
    section: str
    site: SiteName
    bucket: str
    region: str
    lock_mode: str
    table: str
    replicas: list[str]
    attempt_seconds: float
    renewal_seconds: float
    every_seconds: float
    lock_seconds: float

    @classmethod
    def of(cls, context: "Context", log: Log) -> Self:
        """By the plan, at the site and in the account of `context`. Raises Refused, Unreachable."""
        from operations.copies.buckets import lock_mode
        from operations.lease import attempt_of, replicas, table_name

        order = order_by_plan(context.plan, log.dataset, context.site)
        return cls(
            log=f"{type(log).__module__}:{type(log).__qualname__}",
            section=order.terms.section.model_dump_json() if log.reads_section and order.terms.section else "",
            site=order.site,
            bucket=context.names.backup_bucket("dr"),
            region=context.plan.sites.dr.region,
            lock_mode=lock_mode(),
            table=table_name(context),
            replicas=replicas(context),
            attempt_seconds=attempt_of(context),
            renewal_seconds=order.renewal.total_seconds(),
            every_seconds=order.terms.every.total_seconds(),
            lock_seconds=order.terms.lock.total_seconds(),
        )

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What `to_json` wrote; by nobody else, so nothing is checked."""
        return cls(**json.loads(text))

    def shipper(self, heard: Heard, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Shipper:
        """Its parts are the real ones. Raises Refused for AWS settings that are wrong."""
        from cloud.control_table import ControlTable, region_clients
        from cloud.lease_store import DynamoLeaseStore
        from cloud.objects import S3Bucket

        module, _, name = self.log.partition(":")
        log: Log = getattr(import_module(module), name)()
        order = ShippingOrder(
            site=self.site,
            terms=Terms(
                every=timedelta(seconds=self.every_seconds),
                lock=timedelta(seconds=self.lock_seconds),
                section=_section(log.dataset, self.section) if self.section else None,
                environment=os.environ,
            ),
            renewal=timedelta(seconds=self.renewal_seconds),
        )
        table = ControlTable(self.table, region_clients(self.replicas, attempt_seconds=self.attempt_seconds))
        store = S3Bucket(self.bucket, self.region, lock_mode=self.lock_mode)
        return Shipper(log, order, store, DynamoLeaseStore(table), clock=clock, heard=heard)


def _section(dataset: str, text: str) -> Any:
    """The model, which loads the plan's: for a log that wants it."""
    from pydantic import TypeAdapter

    from recovery.plan.datasets import Datasets

    model: Any = Datasets.model_fields[dataset].annotation
    return TypeAdapter[Any](model).validate_json(text)


def order_by_plan(plan: "Plan", dataset: str, site: SiteName) -> ShippingOrder:
    """What the plan says about the dataset's log. Raises Refused when it says nothing."""
    from recovery.copies.retention import LOG, lock_term

    section = getattr(plan.datasets, dataset)
    log = getattr(section, LOG, None)
    if log is None:
        raise Refused(
            f"the plan says nothing about {dataset} {LOG}", next_step=f"add datasets.{dataset}.{LOG} to recovery.yaml"
        )
    terms = Terms(every=log.every, lock=lock_term(plan, dataset, LOG, site), section=section)
    return ShippingOrder(site=site, terms=terms, renewal=plan.lease.renewal)

"""The datasets of the plan: what is copied, when, where to, and how long each copy is kept.

Rules between the fields stand in `recovery.plan.consistency`.
"""

from typing import Literal, get_args

from pydantic import field_validator

from recovery.plan.fields import ClusterObject, Cron, Folder, KindName, Model, Pattern, Sentence, SqlName, once
from recovery.units import Duration, DurationOrPermanent

DatasetName = Literal["postgres", "mongo", "redis", "files", "configuration"]
DATASETS: tuple[DatasetName, ...] = get_args(DatasetName)
Bucket = Literal["local", "cloud"]
SCHEDULED_TODAY = frozenset(
    {
        ("postgres", "full"),
        ("postgres", "incremental"),
        ("redis", "full"),
        ("redis", "snapshot"),
        ("configuration", "full"),
    }
)
"""(dataset, kind) of the backups that the stacks make by a CronJob."""
SHIPPED_TODAY = frozenset({("postgres", "log")})
"""Of the logs that they follow, without a schedule."""
MADE_TODAY = SCHEDULED_TODAY | SHIPPED_TODAY
"""All of them; the plan describes the others ahead of their work."""


class Retention(Model):
    """How long a copy is kept: local = production's bucket, cloud = the DR bucket, archive = its Glacier classes."""

    local: Duration
    cloud: Duration
    archive: DurationOrPermanent


class Backup(Model):
    """One kind of backup: when it starts, how late it may start, how long it may run, how long it is kept.

    It goes to production's bucket; S3 replicates it to the DR bucket.
    """

    schedule: Cron
    start_deadline: Duration
    time_limit: Duration
    keep: Retention


class Snapshot(Backup):
    """A small, complete backup that stands in for a log. `to`: the bucket that gets it first (see Log)."""

    to: Bucket = "local"


class Log(Model):
    """A dataset's log of changes: `every` is the longest a change waits to be sent.

    `to` is where it is sent: `cloud`, straight to the DR bucket, or `local`, production's bucket, from where S3
    replicates. Straight to the DR bucket, `keep.local` is kept by the same copy: production reads the DR bucket.
    """

    every: Duration
    to: Bucket = "cloud"
    keep: Retention


class Allowance(Model):
    """An objective that this dataset alone may miss, how far, and why that is right."""

    rpo: Duration | None = None
    rto: Duration | None = None
    reason: Sentence


class Dataset(Model):
    """What every dataset has. Without an `exception` the plan's objectives hold."""

    full: Backup
    exception: Allowance | None = None


class Postgres(Dataset):
    """PostgreSQL: orders, users, payments. `incremental` builds on the newest full or incremental."""

    database: SqlName
    application_role: SqlName
    incremental: Backup
    log: Log


class Mongo(Dataset):
    """MongoDB: the catalog of products. The log is a change stream with post-images."""

    database: SqlName
    log: Log


class Redis(Dataset):
    """Redis: carts and sessions. Every `snapshot` is complete, so there is no log. `application_user`: as whom services
    log in; users are in no copy, so the DR site makes them by the plan."""

    application_user: SqlName
    snapshot: Snapshot


class Files(Dataset):
    """Files that applications keep below `root`; a deletion never propagates into a copy. `exclude`: patterns of what
    is not copied (`recovery.plan.file_patterns`)."""

    root: Folder
    exclude: tuple[Pattern, ...] = ()

    @field_validator("exclude")
    @classmethod
    def _once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return once(value)


class Configuration(Dataset):
    """Cluster objects and settings, as they can be applied again: all of the site's namespace, `cluster_objects` of its
    cluster (`RESOURCE.GROUP/NAME`), and the files at and below `paths`, where the copy is made. `kinds`: those of the
    namespace that are not Kubernetes' own (`RESOURCE.GROUP`), which a stack has to let its copier list."""

    kinds: tuple[KindName, ...] = ()
    cluster_objects: tuple[ClusterObject, ...] = ()
    paths: tuple[Folder, ...] = ()

    @field_validator("kinds", "cluster_objects", "paths")
    @classmethod
    def _once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return once(value)


class Datasets(Model):
    """What is copied and promoted."""

    postgres: Postgres
    mongo: Mongo
    redis: Redis
    files: Files
    configuration: Configuration

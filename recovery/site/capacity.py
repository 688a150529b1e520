"""What the DR site's workloads ask for, and the quota that admits all of them at full size. Pure arithmetic."""

import math
from dataclasses import dataclass

from recovery.plan.plan import Plan


@dataclass(frozen=True, kw_only=True)
class Size:
    """One container: CPU in thousandths of a core, memory in MiB. Request and limit of memory are the same."""

    millicores: int
    mebibytes: int

    @property
    def cpu(self) -> str:
        """As Kubernetes writes it."""
        return f"{self.millicores}m"

    @property
    def memory(self) -> str:
        """As Kubernetes writes it."""
        return f"{self.mebibytes}Mi"


SERVICE = Size(millicores=250, mebibytes=512)
POSTGRES = Size(millicores=1000, mebibytes=4096)
"""The database, unless the stack's configuration says otherwise: after a promotion it carries production's load."""
GUARD = Size(millicores=100, mebibytes=256)
BACKUP_MEBIBYTES = 400
"""The most that a backup's own process takes, whatever the size of the database: the parts of its upload and a base for
Python, the SDK and the compressor. A test measures it at the largest parts."""
_FILE_LIST_MEBIBYTES = 112  # a verification holds PostgreSQL's backup_manifest with every file in it
RUNNER = Size(millicores=500, mebibytes=BACKUP_MEBIBYTES + _FILE_LIST_MEBIBYTES)
"""A Job or an operator's workspace with `dr` in it."""

KEYS_RUNNER = Size(millicores=250, mebibytes=RUNNER.mebibytes)
"""A Job that copies Redis: every few minutes, so it asks for less CPU; it bursts like the others."""

BESIDE = Size(millicores=500, mebibytes=2048)
"""The server that a restore brings up to look into, and the restore before it."""

RESTORE_ROOM_PODS = 4
"""How many Pods the namespace for restores into claims takes, each as large as `BESIDE` on average: two restores, and
servers on what they restored."""

SHIPPER = Size(millicores=100, mebibytes=192)
"""What follows the log: a range in each of its senders, a segment that is put together, Python, the SDK and libpq. A
benchmark measures it under load."""

SHIPPER_ALLOCATOR = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(128 * 1024),
    "MALLOC_TRIM_THRESHOLD_": str(128 * 1024),
}
"""glibc's settings for it: what a range took is given back at once, not kept in a heap for each of its threads.
https://www.gnu.org/software/libc/manual/html_node/Memory-Allocation-Tunables.html"""

LOG_SERVER = Size(millicores=50, mebibytes=256)
"""What gives the standby its log: one file of it in memory, of up to 64 MiB and as it is stored beside, Python and the
SDK."""

EVICTED_AFTER_SECONDS = 5
"""How long guard, database and the log's shipper stay bound to a node that no longer answers; Kubernetes' default is
300. Not 0, since a node that is back at once keeps them."""

# Backups after a promotion, a restore, a drill, and the operator: more at once would be a mistake.
RUNNERS = 12
KEYS_RUNNERS = 3  # of them: Redis's snapshot, its full copy, the look whether one is due
# A Deployment's default: a rollout adds a quarter of its Pods, rounded up.
# https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#max-surge
_SURGE = 0.25


# Of the database: growth, and the WAL of a day on which nothing can be replayed. Under it a disk is full before anybody
# has made it larger.
_DISK_SHARE = 1.5
_GIBIBYTE, _MEBIBYTE = 2**30, 2**20
# Of Redis's data in memory: pages that change while a child writes them out, buffers of the link, fragments.
_MEMORY_SHARE = 1.3
# On its disk: an RDB and the next one, an append-only file and the next one.
_REDIS_DISK_SHARE = 4


def least_disk_gibibytes(plan: Plan) -> int:
    """The smallest disk for the standby."""
    return math.ceil(plan.assumptions.size.postgres * _DISK_SHARE / _GIBIBYTE)


def redis_size(plan: Plan) -> Size:
    """The DR site's Redis: all of its data in memory."""
    return Size(millicores=500, mebibytes=math.ceil(plan.assumptions.size.redis * _MEMORY_SHARE / _MEBIBYTE))


def least_redis_disk_gibibytes(plan: Plan) -> int:
    """The smallest disk for it."""
    return math.ceil(plan.assumptions.size.redis * _REDIS_DISK_SHARE / _GIBIBYTE)


@dataclass(frozen=True, kw_only=True)
class Quota:
    """Upper bounds of a namespace."""

    pods: int
    millicores: int
    mebibytes: int

    def as_kubernetes(self) -> dict[str, str]:
        """`spec.hard` of a ResourceQuota. CPU has no limit anywhere (it may burst), so its requests are bounded."""
        memory = f"{self.mebibytes}Mi"
        return {
            "pods": str(self.pods),
            "requests.cpu": f"{self.millicores}m",
            "requests.memory": memory,
            "limits.memory": memory,
        }


def restore_quota() -> Quota:
    """Of the namespace for restores into claims: what is restored for somebody takes no more than this."""
    return Quota(
        pods=RESTORE_ROOM_PODS,
        millicores=RESTORE_ROOM_PODS * BESIDE.millicores,
        mebibytes=RESTORE_ROOM_PODS * BESIDE.mebibytes,
    )


def full_quota(plan: Plan, postgres: Size = POSTGRES, redis: Size | None = None) -> Quota:
    """Every service at full size in the middle of a rollout, the database with its guard and log server, the shipper, a
    restored copy, Redis (as large as the plan says it is, unless `redis` is given), `RUNNERS` runners.

    A rollout's surge counts twice: what is on its way out is counted until it is gone.
    """
    services = sum(each.full + 2 * math.ceil(each.full * _SURGE) for each in plan.services.values())
    ones = (postgres, GUARD, LOG_SERVER, SHIPPER, BESIDE, redis or redis_size(plan))
    parts = [(services, SERVICE), *((1, each) for each in ones), (RUNNERS - KEYS_RUNNERS, RUNNER)]
    parts.append((KEYS_RUNNERS, KEYS_RUNNER))
    return Quota(
        # Database, shipper, restored copy, Redis; guard and log server are in the database's Pod.
        pods=services + 4 + RUNNERS,
        millicores=sum(count * size.millicores for count, size in parts),
        mebibytes=sum(count * size.mebibytes for count, size in parts),
    )

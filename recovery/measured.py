"""Every number that budget, forecast and stacks take from the world, once, with its source, its date or a confession.

A limit of one API that one rule checks is written beside that rule, with its link.
"""

from recovery.term import Assumption, Fact, Measurement, Number
from recovery.units import format_speed

_S3 = "https://docs.aws.amazon.com/AmazonS3/latest/userguide"
_MONTH = "2026-11"  # read or measured then; measurements on a machine with 2 cores


def _speed(how: str, bytes_per_second: float) -> Number:
    return Number(bytes_per_second, Measurement(_MONTH, f"{how}, {format_speed(bytes_per_second)} on 2 cores"))


# Promised by AWS.
REPLICATION_MINUTES = Number(15, Fact(f"{_S3}/replication-time-control.html"))
# Standard retrieval from Deep Archive.
GLACIER_RETRIEVAL_HOURS = Number(12, Fact(f"{_S3}/restoring-objects-retrieval-options.html"))
# Of a month; with global tables, asked in another region when one does not answer, as the guard does.
CONTROL_TABLE_UPTIME = Number(0.99999, Fact("https://aws.amazon.com/dynamodb/sla/"))

# A PUT, in the DR region.
S3_WRITE_DOLLARS = Number(0.000_005, Fact("https://aws.amazon.com/s3/pricing/"))

# PostgreSQL.
REPLAY_BYTES_PER_SECOND = _speed("replay of 957 MB of WAL", 195_000_000)
REPLAY_BACKLOG_SECONDS = Number(4.9, REPLAY_BYTES_PER_SECOND.basis)
PG_PROMOTE_SECONDS = Number(0.2, Measurement(_MONTH, "pg_promote and the first write on 2 cores"))

# A node that dies. The controller manager's own default, since Kubernetes 1.32; before, 40.
NODE_UNREACHABLE_SECONDS = Number(
    50, Fact("https://kubernetes.io/docs/reference/command-line-tools-reference/kube-controller-manager/")
)
POD_START_SECONDS = Number(20, Assumption("another node has room, and pulls the runner's image"))
NODES_LOST_A_MONTH = Number(1, Assumption("one node in a month dies under the guard"))

# Files. Out of a folder in memory instead of S3, with much other work beside.
FILES_RESTORE_BYTES_PER_SECOND = _speed("two files of 200 MB, unpacked and checked", 69_000_000)
CONFIGURATION_FILES_PER_SECOND = Number(500, Assumption("objects written as files of YAML"))
CONFIGURATION_OBJECTS_PER_SECOND = Number(
    20, Assumption("objects that an API server takes, each tried before it is applied")
)
FILES_RESTORE_FILES_PER_SECOND = Number(3_700, Measurement(_MONTH, "200,000 files of 60 bytes on 2 cores"))

# The other engines.
MONGO_VERIFY_BYTES_PER_SECOND = _speed("124 MB of documents, from a bucket in memory, with much other work", 65_000_000)
MONGO_RESTORE_BYTES_PER_SECOND = Number(20_000_000, Assumption("20 MB/s; no real mongod was there to measure"))
# Of the log as it is stored, compressed: 2,650 changes a second onto the tests' stand-in, a program in Python.
MONGO_REPLAY_BYTES_PER_SECOND = Number(
    350_000, Assumption("some 130 bytes a change; no real mongod was there to measure")
)
MONGO_PROMOTE_SECONDS = Number(30, Assumption("a forced reconfiguration and its election"))
REDIS_PROMOTE_SECONDS = Number(1, Assumption("a replica told to be primary answers at once"))

# A promotion and a restore.
PROMOTION_START_SECONDS = Number(0.8, Measurement(_MONTH, "the program, its journal, the lease"))
SCALE_UP_SECONDS = Number(10, Assumption("the slowest service starts on nodes that are there"))
CHECKS_SECONDS = Number(1, Assumption("they answer at once"))
NAME_SERVERS_SECONDS = Number(10, Assumption("seconds; no figure is published"))
SHA256_BYTES_PER_SECOND = _speed("sha256", 388_000_000)
# Of the unpacked size: read from S3, checked, unpacked, compared with backup_manifest.
POSTGRES_RESTORE_BYTES_PER_SECOND = _speed("573 MB from an S3 on the same machine, with other work beside", 220_000_000)
# Of the RDB's size: read from S3, checked, unpacked, compared with its own checksum.
REDIS_RESTORE_BYTES_PER_SECOND = _speed(
    "250 MB that the server had compressed, from a bucket in memory, with much other work beside", 64_000_000
)

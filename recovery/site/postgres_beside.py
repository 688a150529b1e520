"""What the server beside the standby runs and whom it lets in: its restore, its start, its configuration, as pure text.

It is a standby that follows nobody. So PostgreSQL itself refuses every write, runs no subscription and archives
nothing; no setting of a session, a role or a database changes that.
"""

from collections.abc import Sequence

from recovery.names import POSTGRES_PORT, ROLE_PROMOTER
from recovery.site.capacity import Size
from recovery.site.inherited_settings import ALONE, shared_buffers

# Run again where the data is, as after the node's restart, it leaves them alone. What to restore does not change
# before the Pod and its disk are gone.
RESTORE_SCRIPT = """set -eu
[ ! -e "$PGDATA/PG_VERSION" ] || exit 0
exec dr restore postgres --to "$BESIDE_TO" --into "$PGDATA" --execute
"""

# - postgresql.auto.conf has what ALTER SYSTEM set at the source, and would be read after our configuration.
# - chmod: a mount may have opened PGDATA to the volume's group (fsGroup), and PostgreSQL refuses that.
# - --single: nobody else is there while it can write. Whoever has the operator's login may read every copy in the
#   bucket anyway. It also makes the control file's limits ours, which a standby's may not be below.
# - Killed before standby.signal is there, it does all of it again; afterwards nothing.
START_SCRIPT = f"""set -euo pipefail
chmod 0700 "$PGDATA"
if [ ! -e "$PGDATA/standby.signal" ]; then
    : > "$PGDATA/postgresql.auto.conf"
    echo "GRANT pg_read_all_data TO {ROLE_PROMOTER}" |
        postgres --single -D "$PGDATA" -c "config_file=$BESIDE_CONFIG/postgresql.conf" \\
            -c default_transaction_read_only=off template1
    touch "$PGDATA/standby.signal"
    sync "$PGDATA/standby.signal" "$PGDATA"
fi
exec postgres -D "$PGDATA" -c "config_file=$BESIDE_CONFIG/postgresql.conf" \\
    -c "hba_file=$BESIDE_CONFIG/pg_hba.conf" -c "listen_addresses=$POD_IP"
"""


def configuration(size: Size) -> str:
    """postgresql.conf, of which everything is ours, for a server of this size."""
    settings = {
        **ALONE,
        "hot_standby": "on",
        "default_transaction_read_only": "on",  # for the day on which somebody promotes it
        "port": str(POSTGRES_PORT),
        "unix_socket_directories": "",
        "shared_buffers": shared_buffers(size),
        "dynamic_shared_memory_type": "mmap",  # a container's own /dev/shm is 64 MiB
        # At least as many as were prepared at the source, or it does not start; and locks for pg_dump of large schemas.
        "max_prepared_transactions": "1000",
        "max_locks_per_transaction": "1024",
        # Room for two WAL files of whatever size, or it does not start; little is ever written.
        "min_wal_size": "2GB",
        "max_wal_size": "2GB",
        "cluster_name": "beside",
    }
    return "".join(f"{name} = '{value}'\n" for name, value in settings.items())


def pg_hba(pods: Sequence[str]) -> str:
    """pg_hba.conf: the operator's login alone, with the password of that moment."""
    admitted = [f"host all {ROLE_PROMOTER} {cidr} scram-sha-256" for cidr in pods]
    return "\n".join([*admitted, "# Nobody else, above all no application.", "host all all all reject"]) + "\n"

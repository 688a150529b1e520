"""What the PostgreSQL standby runs and whom it lets in: its start script and pg_hba.conf, as pure text."""

from collections.abc import Mapping, Sequence

from recovery.names import PINNED_SETTING, ROLE_BACKUP, ROLE_GUARD, ROLE_MONITOR, ROLE_PROMOTER, ROLE_REPLICATION
from recovery.site.fetch_log import RESTORE_COMMAND
from recovery.site.inherited_settings import OVERRIDDEN, as_arguments
from recovery.site.primary_copy import COPY_FUNCTIONS

SLOT = "dr_standby"

# Killed at any instruction, the script starts over. An empty volume that nothing else has filled before
# (`recovery.site.standby_fill`) is filled with a copy of the primary.
# - getconf: a C library other than glibc sorts text in another order than the primary, so its indexes miss rows.
# - chmod: a mount may have opened PGDATA to the volume's group (fsGroup), and PostgreSQL refuses that.
# - pinned: data of a moment that was asked for. Their server follows nobody and stops where they end; it says which
#   moment, and a promotion takes no other.
# - The slot: data out of the bucket have none at the primary, which may be away for now. A primary has no
#   standby.signal, so nothing of it is asked any more. The password is in PGPASSWORD, for the WAL receiver as well.
# - pg_controldata: what a standby must have at least as large as its primary, or replay pauses; the control file has
#   the primary's values, wherever its postgresql.conf lies: https://www.postgresql.org/docs/18/hot-standby.html
#   It also says how large a WAL file is: the server wants room for two, which defaults do not have from 64 MiB on.
# - summarize_wal: incremental backups of it, at the DR site from a promotion on, whatever the primary's file says.
# - io_method: a Pod's default seccomp profile refuses io_uring:
#   https://github.com/cloudnative-pg/cloudnative-pg/issues/9948
_START = r"""set -euo pipefail
case "$(getconf GNU_LIBC_VERSION 2>/dev/null)" in
    glibc*) ;;
    *)
        echo "this image has no glibc (Alpine's is musl): it would sort text in another order than the primary, and" \
            "indexes would miss rows. Set postgresImage to a Debian image of PostgreSQL." >&2
        exit 64
        ;;
esac
COPY
if [ ! -e "$PGDATA/PG_VERSION" ]; then
    rm -rf "$PGDATA.partial"
    copy_primary "$PGDATA.partial"
    become_data "$PGDATA.partial"
fi
chmod 0700 "$PGDATA"
slot="$STANDBY_SLOT" restore="RESTORE"
pinned=""
if [ -e "$PGDATA.pinned" ]; then
    primary="" slot="" restore="" pinned="$(cat "$PGDATA.pinned")"
elif [ "${STANDBY_FOLLOWS:-production}" = bucket ]; then
    primary="" slot=""
else
    while [ -e "$PGDATA/standby.signal" ] &&
        ! pg_receivewal --dbname="$primary" --slot="$slot" --create-slot --if-not-exists > /dev/null 2>&1; do
        sleep 5
    done &
fi
control="$(LC_ALL=C pg_controldata "$PGDATA")"
limits=()
while IFS=: read -r name value; do
    case "$name" in
        "Bytes per WAL segment")
            least=$((2 * value / 1048576))
            [ "$least" -le 80 ] || limits+=(-c "min_wal_size=${least}MB")
            [ "$least" -le 1024 ] || limits+=(-c "max_wal_size=${least}MB")
            continue
            ;;
        "max_connections setting" | "max_worker_processes setting" | "max_wal_senders setting") ;;
        "max_prepared_xacts setting") name=max_prepared_transactions ;;
        "max_locks_per_xact setting") name=max_locks_per_transaction ;;
        *) continue ;;
    esac
    limits+=(-c "${name% setting}=${value//[[:space:]]/}")
done < <(echo "$control")
read -r version < "$PGDATA/PG_VERSION"
[ "$version" -lt 17 ] || limits+=(-c summarize_wal=on)
[ "$version" -lt 18 ] || limits+=(-c io_method=worker)
exec postgres -D "$PGDATA" \
    -c "data_directory=$PGDATA" -c "hba_file=$STANDBY_CONFIG/pg_hba.conf" -c "ident_file=$PGDATA/pg_ident.conf" \
    -c "listen_addresses=$POD_IP" -c "port=$STANDBY_PORT" \
    -c "unix_socket_directories=$STANDBY_SOCKET" -c unix_socket_permissions=0770 \
    -c "external_pid_file=$STANDBY_RUN/postgres.pid" \
    -c "primary_conninfo=$primary" -c "primary_slot_name=$slot" \
    -c "restore_command=$restore" -c "PINNED=$pinned" \
    -c "shared_buffers=$STANDBY_SHARED_BUFFERS" \
    OVERRIDDEN \
    "${limits[@]}" "$@"
"""
START_SCRIPT = (
    _START.replace("\nCOPY\n", COPY_FUNCTIONS)
    .replace("OVERRIDDEN", as_arguments(OVERRIDDEN))
    .replace("RESTORE", RESTORE_COMMAND)
    .replace("PINNED", PINNED_SETTING)
)


def settings_arguments(settings: Mapping[str, str]) -> list[str]:
    """Further settings as arguments of `postgres`; they come last and win."""
    return [part for name, value in sorted(settings.items()) for part in ("-c", f"{name}={value}")]


def pg_hba(*, database: str, application: str, pods: Sequence[str]) -> str:
    """pg_hba.conf; the first line that fits decides. The application comes through the Unix socket, which the gate
    alone can reach, or not at all: whatever its address, a connection past the gate is refused by the database.

    Encryption is not asked for: PostgreSQL offers none on a Unix socket, and `host` lines admit both.
    """
    lines = [
        "# The application only through the gate; the guard beside it; a promotion's first write.",
        f"local {database} {application},{ROLE_PROMOTER} scram-sha-256",
        f"local all {ROLE_GUARD} scram-sha-256",
        "local all all reject",
        f"host all {application},{ROLE_GUARD} all reject",
        "# Past the gate: promotion and copies.",
    ]
    for cidr in pods:
        lines += [
            f"host all {ROLE_PROMOTER},{ROLE_BACKUP},{ROLE_MONITOR} {cidr} scram-sha-256",
            f"host replication {ROLE_BACKUP},{ROLE_REPLICATION} {cidr} scram-sha-256",
        ]
    return "\n".join([*lines, "# Nobody else.", "host all all all reject"]) + "\n"

"""What the PostgreSQL standby runs and whom it lets in: its start script and pg_hba.conf, as pure text."""

from collections.abc import Mapping, Sequence

from recovery.names import ROLE_BACKUP, ROLE_GUARD, ROLE_MONITOR, ROLE_PROMOTER, ROLE_REPLICATION
from recovery.site.fetch_log import RESTORE_COMMAND
from recovery.site.inherited_settings import OVERRIDDEN, as_arguments, inherited_lines

SLOT = "dr_standby"

# Killed at any instruction, the script starts over: PGDATA appears by one rename, complete and with its
# standby.signal, and from then on belongs to PostgreSQL alone. Above all nothing writes standby.signal again: after a
# promotion a restart must find a primary. The password is in PGPASSWORD (libpq, also for the WAL receiver), so it
# stands neither in the command line nor, as `pg_basebackup -R` would have it, in the data directory. PGSSLMODE and
# PGSSLROOTCERT come the same way and hold for the first copy, the slot and the WAL receiver.
# - getconf: a C library other than glibc sorts text in another order than the primary, so its indexes miss rows.
# - `pg_receivewal --create-slot --if-not-exists` is the one idempotent way to make a slot without SQL:
#   https://www.postgresql.org/docs/18/app-pgreceivewal.html
# - sed: lines of the primary's configuration that cannot be read here (`recovery.site.inherited_settings`).
# - chmod: a mount may have opened PGDATA to the volume's group (fsGroup), and PostgreSQL refuses that.
# - pg_controldata: what a standby must have at least as large as its primary, or replay pauses; the control file has
#   the primary's values, wherever its postgresql.conf lies: https://www.postgresql.org/docs/18/hot-standby.html
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
primary="host=$PRIMARY_HOST port=$PRIMARY_PORT user=$PGUSER application_name=$STANDBY_SLOT connect_timeout=5"
if [ ! -e "$PGDATA/PG_VERSION" ]; then
    partial="$PGDATA.partial"
    echo "copying the primary at $PRIMARY_HOST:$PRIMARY_PORT into an empty volume" >&2
    rm -rf "$partial"
    if ! said="$(pg_receivewal --dbname="$primary" --slot="$STANDBY_SLOT" --create-slot --if-not-exists 2>&1)"; then
        echo "$said" >&2
        case "$said" in
            *SSL* | *certificate* | *sslmode*)
                echo "client and primary do not agree on TLS: set the primary's ssl and certificate, or sslMode (now" \
                    "${PGSSLMODE:-prefer}) and primaryCa of the prod stack; then pulumi up on prod and dr." >&2
                ;;
        esac
        exit 1
    fi
    pg_basebackup --dbname="$primary" --pgdata="$partial" --wal-method=stream --slot="$STANDBY_SLOT" --checkpoint=fast
    touch "$partial/standby.signal" "$partial/postgresql.conf"
    find "$partial" -maxdepth 2 -name '*.conf' -exec sed -i -E "s#INHERITED#\#&#I" {} +
    sync "$partial/standby.signal" "$partial/postgresql.conf" "$partial"
    mv -T "$partial" "$PGDATA"
fi
chmod 0700 "$PGDATA"
control="$(LC_ALL=C pg_controldata "$PGDATA")"
limits=()
while IFS=: read -r name value; do
    case "$name" in
        "max_connections setting" | "max_worker_processes setting" | "max_wal_senders setting") ;;
        "max_prepared_xacts setting") name=max_prepared_transactions ;;
        "max_locks_per_xact setting") name=max_locks_per_transaction ;;
        *) continue ;;
    esac
    limits+=(-c "${name% setting}=${value//[[:space:]]/}")
done < <(echo "$control")
read -r version < "$PGDATA/PG_VERSION"
[ "$version" -lt 18 ] || limits+=(-c io_method=worker)
exec postgres -D "$PGDATA" \
    -c "data_directory=$PGDATA" -c "hba_file=$STANDBY_CONFIG/pg_hba.conf" -c "ident_file=$PGDATA/pg_ident.conf" \
    -c "listen_addresses=$POD_IP" -c "port=$STANDBY_PORT" \
    -c "unix_socket_directories=$STANDBY_SOCKET" -c unix_socket_permissions=0770 \
    -c "external_pid_file=$STANDBY_RUN/postgres.pid" \
    -c "primary_conninfo=$primary" -c "primary_slot_name=$STANDBY_SLOT" \
    -c "restore_command=RESTORE" \
    -c "shared_buffers=$STANDBY_SHARED_BUFFERS" \
    OVERRIDDEN \
    "${limits[@]}" "$@"
"""
START_SCRIPT = (
    _START.replace("OVERRIDDEN", as_arguments(OVERRIDDEN))
    .replace("INHERITED", inherited_lines())
    .replace("RESTORE", RESTORE_COMMAND)
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

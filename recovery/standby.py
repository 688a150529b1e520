"""What the PostgreSQL standby runs and whom it lets in: its start script and pg_hba.conf, as pure text."""

from collections.abc import Mapping, Sequence

from recovery.names import ROLE_BACKUP, ROLE_GUARD, ROLE_PROMOTER, ROLE_REPLICATION

SLOT = "dr_standby"

# Killed at any instruction, the script starts over: PGDATA appears by one rename, complete and with its
# standby.signal, and from then on belongs to PostgreSQL alone. Above all nothing writes standby.signal again: after a
# promotion a restart must find a primary. The password is in PGPASSWORD (libpq, also for the WAL receiver), so it
# stands neither in the command line nor, as `pg_basebackup -R` would have it, in the data directory.
# `pg_receivewal --create-slot --if-not-exists` is the one idempotent way to make a slot without SQL:
# https://www.postgresql.org/docs/18/app-pgreceivewal.html
START_SCRIPT = r"""set -euo pipefail
primary="host=$PRIMARY_HOST port=$PRIMARY_PORT user=$PGUSER application_name=$STANDBY_SLOT connect_timeout=5"
if [ ! -e "$PGDATA/PG_VERSION" ]; then
    partial="$PGDATA.partial"
    echo "copying the primary at $PRIMARY_HOST:$PRIMARY_PORT into an empty volume" >&2
    rm -rf "$partial"
    pg_receivewal --dbname="$primary" --slot="$STANDBY_SLOT" --create-slot --if-not-exists
    pg_basebackup --dbname="$primary" --pgdata="$partial" --wal-method=stream --slot="$STANDBY_SLOT" --checkpoint=fast
    touch "$partial/standby.signal" "$partial/postgresql.conf"
    chmod 0700 "$partial"
    sync "$partial/standby.signal" "$partial/postgresql.conf" "$partial"
    mv -T "$partial" "$PGDATA"
fi
exec postgres -D "$PGDATA" \
    -c "hba_file=$STANDBY_CONFIG/pg_hba.conf" \
    -c "listen_addresses=$POD_IP" -c "port=$STANDBY_PORT" \
    -c "unix_socket_directories=$STANDBY_RUN" -c "external_pid_file=$STANDBY_RUN/postgres.pid" \
    -c "primary_conninfo=$primary" -c "primary_slot_name=$STANDBY_SLOT" \
    -c hot_standby=on -c wal_receiver_status_interval=1s -c recovery_target_timeline=latest \
    -c client_connection_check_interval=1s \
    -c synchronous_standby_names= -c archive_mode=off \
    -c logging_collector=off -c cluster_name=dr "$@"
"""


def settings_arguments(settings: Mapping[str, str]) -> list[str]:
    """Further settings as arguments of `postgres`, for a primary whose postgresql.conf lies outside its data."""
    return [part for name, value in sorted(settings.items()) for part in ("-c", f"{name}={value}")]


def pg_hba(*, database: str, application: str, gate: str, pods: Sequence[str]) -> str:
    """pg_hba.conf: the application comes through the gate or not at all; the first line that fits decides."""
    duties = f"{ROLE_GUARD},{ROLE_PROMOTER}"
    lines = [
        "# The application only through the gate.",
        f"host {database} {application} {gate} scram-sha-256",
        f"host all {application} all reject",
        "# Guard and promotion: through the gate's Pod and from the operator's.",
        f"host all {duties} {gate} scram-sha-256",
    ]
    for cidr in pods:
        lines += [
            f"host all {duties},{ROLE_BACKUP} {cidr} scram-sha-256",
            f"host replication {ROLE_BACKUP},{ROLE_REPLICATION} {cidr} scram-sha-256",
        ]
    return "\n".join([*lines, "# Nobody else.", "local all all reject", "host all all all reject"]) + "\n"

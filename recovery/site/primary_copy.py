"""How a copy gets into an empty volume of whatever follows a primary: functions of bash, as pure text."""

from recovery.site.inherited_settings import inherited_lines

# PGDATA appears by one rename, complete and with its standby.signal, and from then on belongs to PostgreSQL alone.
# Above all nothing writes standby.signal again: after a promotion a restart must find a primary.
# - The password is in PGPASSWORD (libpq), so it stands neither in the command line nor, as `pg_basebackup -R` would
#   have it, in the data directory. PGSSLMODE and PGSSLROOTCERT come the same way.
# - `pg_receivewal --create-slot --if-not-exists` is the one idempotent way to make a slot without SQL:
#   https://www.postgresql.org/docs/18/app-pgreceivewal.html
# - sed: lines of the source's configuration that cannot be read here (`recovery.site.inherited_settings`).
_COPY = r"""
primary="host=$PRIMARY_HOST port=$PRIMARY_PORT user=$PGUSER application_name=$STANDBY_SLOT connect_timeout=5"
copy_primary() { # into an empty folder
    echo "copying the primary at $PRIMARY_HOST:$PRIMARY_PORT into an empty volume" >&2
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
    pg_basebackup --dbname="$primary" --pgdata="$1" --wal-method=stream --slot="$STANDBY_SLOT" --checkpoint=fast
}
become_data() { # of a standby
    touch "$1/standby.signal" "$1/postgresql.conf"
    find "$1" -maxdepth 2 -name '*.conf' -exec sed -i -E "s#INHERITED#\#&#I" {} +
    sync "$1/standby.signal" "$1/postgresql.conf" "$1"
    mv -T "$1" "$PGDATA"
}
"""
COPY_FUNCTIONS = _COPY.replace("INHERITED", inherited_lines())

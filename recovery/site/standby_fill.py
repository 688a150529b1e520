"""What fills the DR standby's empty volume before its server starts: a copy of the primary, or one of the bucket's."""

from recovery.site.primary_copy import COPY_FUNCTIONS

# Killed at any instruction, the script starts over. What is `pinned` stops at its moment
# (`recovery.site.postgres_standby`); the mark lies beside the data, since a later backup of them is of no such server.
#
# What it is filled with: the moment that a promotion asked for; the newest of the bucket, when a promotion asked for
# that, when nothing follows production here, or when production does not answer; else production itself.
# - pg_isready: "no response" is no server. One that answers and refuses, a wrong password or another TLS, is there, and
#   what it says is told. Without TLS it is asked, since a server that wants it says so and answers by that.
#   https://www.postgresql.org/docs/18/app-pg-isready.html
# - check copy: what does not fit is said before a byte of it is copied, again and again until the disk is larger.
#   Tablespaces of the primary would go where they are there, and here nothing may be written there. When the primary
#   does not say, the copy itself will tell why.
# - A tablespace out of the bucket stays where the restore puts it, beside the folder that it fills.
FILL_SCRIPT = (
    "set -euo pipefail"
    + COPY_FUNCTIONS
    + r"""primary_answers() {
    while true; do
        said=0
        PGSSLMODE=disable pg_isready --quiet --timeout=5 --host="$PRIMARY_HOST" --port="$PRIMARY_PORT" || said=$?
        [ "$said" -eq 2 ] || return 0
        ((SECONDS < PRIMARY_PATIENCE_SECONDS)) || return 1
        sleep 1
    done
}

restore_newest() {
    echo "$1: restoring the newest backup" >&2
    dr restore postgres --as-standby --into "$new" --execute
}

[ ! -e "$PGDATA/PG_VERSION" ] || exit 0
new="$PGDATA.restored"
rm -rf "$new" "$new.tablespaces" "$PGDATA.pinned"
if [ -n "${ORDER_TO:-}" ]; then
    echo "restoring the moment that was asked for, $ORDER_TO, into an empty volume" >&2
    dr restore postgres --to "$ORDER_TO" --into "$new" --execute
    echo "$ORDER_TO" > "$PGDATA.pinned"
    sync "$PGDATA.pinned"
elif [ -n "${ORDER_ASKED:-}" ] || [ "$STANDBY_FOLLOWS" = bucket ]; then
    restore_newest "an empty volume"
elif primary_answers; then
    said=0
    PGHOST="$PRIMARY_HOST" PGPORT="$PRIMARY_PORT" dr check copy --into "$(dirname "$PGDATA")" >&2 || said=$?
    case "$said" in
        1) restore_newest "the primary has tablespaces, which cannot be copied here from there" ;;
        2) exit 1 ;;
        *) copy_primary "$new" ;;
    esac
else
    restore_newest "the primary at $PRIMARY_HOST:$PRIMARY_PORT does not answer"
fi
become_data "$new"
"""
)

"""The standby's restore_command: a bash script that asks the log's server in its own Pod for one file, as pure text."""

FETCH_FILE_NAME = "fetch-log.sh"
FETCH_SCRIPT = r"""# fetch-log.sh FILE TARGET, in the data directory. Asked when the stream is dead, and at a start.
set -euo pipefail
name=$1 target=$2 here=pg_wal/$1

# A file that the stream has filled needs no bucket: the next one has been begun, as the address in its first page says.
# https://github.com/postgres/postgres/blob/REL_18_STABLE/src/include/access/xlog_internal.h
if [[ ${#name} = 24 && -f $here ]]; then
    size=$(stat -c %s "$here")
    per_log=$((0x100000000 / size))
    number=$((16#${name:8:8} * per_log + 16#${name:16:8} + 1))
    next=pg_wal/${name:0:8}$(printf '%08X%08X' $((number / per_log)) $((number % per_log)))
    [[ ! -f $next || $(od -An -tu8 -j8 -N8 "$next") -ne $((number * size)) ]] || exit 1
fi

exec 3<> "/dev/tcp/$STANDBY_LOG_HOST/$STANDBY_LOG_PORT"
echo "$name" >&3
read -r -t 10 length size <&3
((length > 0)) || exit 1
rm -f "$target".*
timeout 10 head -c "$length" <&3 > "$target.part"
[[ $(stat -c %s "$target.part") = "$length" ]]
if ((length < size)); then
    # Put onto what the stream brought of this file: PostgreSQL takes the target in its place, and either may hold more.
    if [[ -f $here ]]; then cp "$here" "$target.union"; else : > "$target.union"; fi
    truncate -s "$size" "$target.union"
    dd if="$target.part" of="$target.union" conv=notrunc bs=1M status=none
    mv "$target.union" "$target.part"
fi
mv "$target.part" "$target"
"""

# Above 125, a missing program or a signal, PostgreSQL ends the server, a standby that streams as well; what a standby
# does not get it asks for again. https://www.postgresql.org/docs/18/archive-recovery-settings.html#GUC-RESTORE-COMMAND
RESTORE_COMMAND = f"bash $STANDBY_CONFIG/{FETCH_FILE_NAME} %f %p || exit 1"

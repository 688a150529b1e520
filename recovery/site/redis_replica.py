"""The DR site's Redis: what it starts with, and whom it lets in. Pure text, for Redis 6.2 and later and for Valkey.

https://redis.io/docs/latest/operate/oss_and_stack/management/replication/ and .../security/acl/
"""

import hashlib
from collections.abc import Mapping

from recovery.names import REDIS_PORT, ROLE_BACKUP, ROLE_MONITOR, ROLE_PROMOTER, ROLE_REPLICATION

START_FILE_NAME, BASE_FILE_NAME = "start.sh", "base.conf"
USERS_FILE_NAME, LINK_FILE_NAME, CERTIFICATE_FILE_NAME = "users.acl", "link.conf", "link.pem"
CA_FILE_NAME = "primary-ca.pem"

# - The main file lies with the data, where CONFIG REWRITE can change it. A promotion has that done, after REPLICAOF NO
#   ONE, and so the line `replicaof` in it is the memory of whether this server follows: a Pod that comes back after a
#   promotion is a primary again, and takes nothing from a production that came back as well.
# - Everything else in it is written anew at each start. What CONFIG REWRITE adds, a password among it, nobody but the
#   server reads (umask) and the next start drops.
# - appendonly: with it on and no append-only files a server starts empty, whatever dump.rdb there is (seen with 6.2 and
#   9.1; https://github.com/valkey-io/valkey-doc/pull/419). So it is on where there are such files, and a promotion
#   switches it on at the running server, which then writes them. An empty one is none: Redis 6.2 makes it at once, and
#   everything is in it only when it is renamed (seen: killed in between, it came back empty).
_START = r"""set -eu
umask 077
server=""
for each in valkey-server redis-server; do
    if [ -z "$server" ] && command -v "$each" > /dev/null 2>&1; then server="$each"; fi
done
if [ -z "$server" ]; then
    echo "this image has neither redis-server nor valkey-server on PATH; set redisImage to one that has" >&2
    exit 64
fi
if [ "$PRIMARY_TLS" = yes ] && [ ! -e "$REPLICA_LOGIN/CERTIFICATE" ]; then
    echo "production's Redis speaks TLS, for which a replica needs a certificate: set redisCertificate" >&2
    exit 64
fi
mkdir -p "$REPLICA_DATA"
cd "$REPLICA_DATA"
follows="replicaof $PRIMARY_HOST $PRIMARY_PORT"
if [ -e server.conf ] && ! grep -q '^replicaof ' server.conf; then
    follows="# promoted: it follows nobody any more"
fi
appends=no
for each in appendonlydir/*.manifest appendonly.aof; do
    if [ -s "$each" ]; then appends=yes; fi
done
{
    echo "include $REPLICA_CONFIG/BASE"
    echo "include $REPLICA_LOGIN/LINK"
    echo "aclfile $REPLICA_LOGIN/USERS"
    echo "dir $REPLICA_DATA"
    echo "bind $POD_IP"
    echo "appendonly $appends"
    if [ "$PRIMARY_TLS" = yes ]; then
        echo "tls-replication yes"
        echo "tls-cert-file $REPLICA_LOGIN/CERTIFICATE"
        echo "tls-key-file $REPLICA_LOGIN/CERTIFICATE"
        if [ -s "$REPLICA_CONFIG/AUTHORITY" ]; then
            echo "tls-ca-cert-file $REPLICA_CONFIG/AUTHORITY"
        else
            echo "tls-ca-cert-dir /etc/ssl/certs"
        fi
    fi
    echo "$follows"
} > server.conf.new
mv server.conf.new server.conf
exec "$server" "$PWD/server.conf"
"""
START_SCRIPT = (
    _START.replace("BASE", BASE_FILE_NAME)
    .replace("LINK", LINK_FILE_NAME)
    .replace("USERS", USERS_FILE_NAME)
    .replace("CERTIFICATE", CERTIFICATE_FILE_NAME)
    .replace("AUTHORITY", CA_FILE_NAME)
)

BASE_FILE = f"""port {REDIS_PORT}
# Nobody gets in by an address: every login is in the file of users, and `default` is off there.
protected-mode no
# A restart goes on from here: at most a minute of changes is on no disk of this site until a promotion.
save 60 1
appendfsync everysec
rdbchecksum yes
# What is on disk is replaced once all of production's is there, not when it begins to come: that may be lost then.
repl-diskless-load disabled
# Copies of it begin at once.
repl-diskless-sync yes
repl-diskless-sync-delay 0
# Minutes without a network are caught up without everything anew.
repl-backlog-size 64mb
replica-read-only yes
"""

_RIGHTS: Mapping[str, str] = {
    ROLE_BACKUP: "resetchannels -@all +ping +info +config|get +replconf +psync",
    ROLE_MONITOR: "resetchannels -@all +ping +info",
    ROLE_PROMOTER: (
        "resetchannels ~dr:* -@all +ping +info +replicaof +config|get +config|set +config|rewrite "
        "+multi +exec +set +get"
    ),
}
"""By user, what it may do and to which keys. Each one's first word takes away what it had."""
_APPLICATION = "~* &* +@all -@admin -@dangerous +info"


def users(application: str, passwords: Mapping[str, str]) -> str:
    """The file of users: none of them is in an RDB (seen), so they come from here. `passwords` by user, of
    `application` and of each duty that logs in; the file holds their SHA-256, as Redis does itself."""
    rights = {application: _APPLICATION, **_RIGHTS}
    lines = ["user default off"]
    lines += [
        f"user {user} on #{hashlib.sha256(password.encode()).hexdigest()} {rights[user]}"
        for user, password in passwords.items()
    ]
    return "\n".join(lines) + "\n"


def link(password: str) -> str:
    """As whom it follows production, which has that user: a file, since an argument would be in the process list."""
    return f"masteruser {ROLE_REPLICATION}\nmasterauth {_quoted(password)}\n"


def _quoted(text: str) -> str:
    """As a value in its configuration: https://redis.io/docs/latest/operate/oss_and_stack/management/config/"""
    return '"' + "".join(_character(byte) for byte in text.encode()) + '"'


def _character(byte: int) -> str:
    return chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\' else f"\\x{byte:02x}"

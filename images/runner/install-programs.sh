#!/bin/sh
# Install what `dr` starts: PostgreSQL's programs of major version $1 from PostgreSQL's own packages, HAProxy, and what
# a Pod needs besides. As root, on Debian 12 or newer.
set -eu
major="$1"
case "$major" in
15 | 16 | 17 | 18) ;;
*)
    echo "PG_MAJOR must be production's PostgreSQL major version, 15 to 18; it is '$major'" >&2
    exit 1
    ;;
esac
export DEBIAN_FRONTEND=noninteractive
get() {
    apt-get install --yes --no-install-recommends "$@"
}
# shellcheck source=/dev/null
. /etc/os-release

apt-get update
# Debian's own package brings the key by which PostgreSQL's are signed, so that no key comes over the network unsigned.
get ca-certificates postgresql-common
mkdir -p /etc/postgresql-common
# No server runs here.
echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.conf
key=/usr/share/postgresql-common/pgdg/apt.postgresql.org.asc
echo "deb [signed-by=$key] https://apt.postgresql.org/pub/repos/apt $VERSION_CODENAME-pgdg main" \
    > /etc/apt/sources.list.d/pgdg.list
# By itself an update ends well when a source is silent, and Debian's PostgreSQL of the same version would be taken.
apt-get update --error-on=any
# The server's package too: pg_waldump, pg_controldata.
get "postgresql-$major" "postgresql-client-$major" haproxy python3 tzdata bash coreutils
rm -rf /var/lib/apt/lists/* /var/cache/apt/archives /var/log/* /etc/apt/sources.list.d/pgdg.list

groupadd --gid 10001 dr
useradd --uid 10001 --gid dr --home-dir /tmp --no-create-home --shell /bin/bash dr
# Nobody becomes somebody else, and nobody writes anywhere but in /tmp.
find / -xdev -type f -perm /6000 -exec chmod a-s {} +
find / -xdev -type d -perm -0002 ! -path /tmp -exec chmod o-w {} +
for program in pg_basebackup pg_verifybackup pg_waldump pg_controldata pg_receivewal; do
    "/usr/lib/postgresql/$major/bin/$program" --version
done
if [ "$major" -ge 17 ]; then
    "/usr/lib/postgresql/$major/bin/pg_combinebackup" --version
fi
haproxy -v

"""The replica in production's site: what it is told besides what every server that follows is
(`recovery.site.postgres_standby`), and whom it lets in. Pure text.

Backups are read of it, and nothing else is done with it: nobody promotes it, and no application gets in.
"""

from collections.abc import Mapping, Sequence

from recovery.names import ROLE_BACKUP, ROLE_MONITOR, ROLE_REPLICATION

_OWN = {
    "cluster_name": "replica",
    # It has no log from the bucket: past what its slot keeps it is made anew, since nothing is there that is not at the
    # primary.
    "restore_command": "",
}


def settings(more: Mapping[str, str]) -> dict[str, str]:
    """Settings that win over every other; `more` are the stack's."""
    return {**_OWN, **more}


def pg_hba(pods: Sequence[str]) -> str:
    """pg_hba.conf; the first line that fits decides. Not the promoter: what nobody can log in to do, nobody does by
    mistake. Nobody by the Unix socket either."""
    lines = ["# Copies of it, and whoever watches.", "local all all reject"]
    for cidr in pods:
        lines += [
            f"host all {ROLE_BACKUP},{ROLE_MONITOR} {cidr} scram-sha-256",
            f"host replication {ROLE_BACKUP},{ROLE_REPLICATION} {cidr} scram-sha-256",
        ]
    return "\n".join([*lines, "# Nobody else.", "host all all all reject"]) + "\n"

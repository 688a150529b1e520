"""What the copied data brings along of the primary's configuration and cannot work in the standby's Pod.

`pg_basebackup` copies postgresql.conf and postgresql.auto.conf with the data; both were written for the primary's
machine. What stands here is given on the command line, which wins, and taken out of the copied files as well: a value
that this machine does not allow refuses the start even where it would not be used. Further settings of the stack
(`postgresSettings`) come later on the command line and win over these.
"""

from recovery.site.capacity import Size

# A quarter of the memory is PostgreSQL's own advice; the rest is for sessions and the page cache, which count as well.
# https://www.postgresql.org/docs/18/runtime-config-resource.html#GUC-SHARED-BUFFERS
_SHARED_BUFFERS_SHARE = 4

OVERRIDDEN: dict[str, str] = {
    # Programs and libraries of the primary's machine. A recovery_end_command that is not found ends the promotion, a
    # library that is not found refuses the start or every session.
    "archive_mode": "off",
    "archive_cleanup_command": "",
    "recovery_end_command": "",
    "shared_preload_libraries": "",
    "session_preload_libraries": "",
    "local_preload_libraries": "",
    # Certificate and key lie outside the data, or belong to a group of the primary's machine.
    "ssl": "off",
    # Locales that the image need not have: an unknown one refuses the start. They word messages, dates and money; what
    # text is sorted by is the database's own and stays.
    "lc_messages": "C",
    "lc_monetary": "C",
    "lc_numeric": "C",
    "lc_time": "C",
    # What only the primary's kernel, limits or groups allow. With huge pages that the Pod may not use, the kernel ends
    # the server at the first touch: https://github.com/docker-library/postgres/issues/451
    "huge_pages": "off",
    "shared_memory_type": "mmap",
    "min_dynamic_shared_memory": "0",
    "max_stack_depth": "2MB",
    "unix_socket_group": "",
    # The end of an earlier recovery to a point in time, left in the file: the standby would stop there.
    "recovery_target": "",
    "recovery_target_lsn": "",
    "recovery_target_name": "",
    "recovery_target_time": "",
    "recovery_target_xid": "",
    "recovery_target_timeline": "latest",
    "recovery_min_apply_delay": "0",
    # Commits after a promotion would wait for a replica of the site that is lost.
    "synchronous_standby_names": "",
    # Only standard error is read here, and the root file system is read-only.
    "log_destination": "stderr",
    "logging_collector": "off",
    # What this project needs of every standby.
    "hot_standby": "on",
    "wal_receiver_status_interval": "1s",
    # The bucket is asked only when the stream counts as dead, and the primary again after the bucket: a promotion waits
    # for both. https://www.postgresql.org/docs/18/runtime-config-replication.html#GUC-WAL-RECEIVER-TIMEOUT
    "wal_receiver_timeout": "10s",
    "wal_retrieve_retry_interval": "1s",
    "client_connection_check_interval": "1s",
    "cluster_name": "dr",
}

RESTORED = {
    name: OVERRIDDEN[name]
    for name in (
        "archive_mode",
        "archive_cleanup_command",
        "recovery_end_command",
        "recovery_target",
        "recovery_target_lsn",
        "recovery_target_name",
        "recovery_target_time",
        "recovery_target_xid",
        "synchronous_standby_names",
    )
} | {
    "restore_command": "",
    "archive_command": "",
    "archive_library": "",
    "primary_conninfo": "",
    "primary_slot_name": "",
    # Subscriptions of the copy would connect to their publishers and use up what production's wait for there.
    "max_logical_replication_workers": "0",
}
"""What a restored server must not take over from its source, written behind all that it was copied with."""

ALONE = {
    "archive_mode": "off",
    "primary_conninfo": "",
    "primary_slot_name": "",
    "synchronous_standby_names": "",
    "shared_preload_libraries": "",
    "max_logical_replication_workers": "0",
    "huge_pages": "off",
    "logging_collector": "off",
    "log_destination": "stderr",
}
"""What a server of a copy is told when nothing of the copied configuration is read: it acts on nobody."""

SET_BY_THE_SCRIPT = (
    "data_directory",
    "hba_file",
    "ident_file",
    "listen_addresses",
    "port",
    "unix_socket_directories",
    "unix_socket_permissions",
    "external_pid_file",
    "primary_conninfo",
    "primary_slot_name",
    "restore_command",
    "shared_buffers",
    "summarize_wal",
    "io_method",
)


def shared_buffers(size: Size) -> str:
    """For a server whose Pod has this much memory."""
    return f"{size.mebibytes // _SHARED_BUFFERS_SHARE}MB"


def inherited_lines() -> str:
    """An extended regular expression for lines of a copied file that must not be read here: the settings above, those
    that the start script sets, and files outside the data, which are not in the copy."""
    names = "|".join([*OVERRIDDEN, *SET_BY_THE_SCRIPT])
    return rf"^[[:space:]]*(({names})[[:space:]]*[=[:space:]]|include(_dir)?[[:space:]]*=?[[:space:]]*'?/)"


def as_arguments(settings: dict[str, str]) -> str:
    """In a shell script: arguments of `postgres`, one setting a line."""
    return " \\\n    ".join(f"-c '{name}={value}'" for name, value in settings.items())

"""restore_command: ask the process that restores for one file of the log. Standard library only, for a quick start.

    python3 -I -S wal_client.py SOCKET FILE PATH

PostgreSQL takes any exit code up to 125 for "there is no such file" and ends its recovery there. So ABSENT is a code of
our own, that no Python ends with by mistake; `restore_command` makes a 1 of that alone, and UNKNOWN of all others.
https://www.postgresql.org/docs/18/continuous-archiving.html#BACKUP-PITR-RECOVERY
"""

import _socket  # `socket` and `shutil` would take longer to load than all of this takes
import os
import sys

FOUND, ABSENT, UNKNOWN = 0, 44, 255


def main(address: str, name: str, target: str) -> int:
    """Returns the exit code; says on standard error why, unless the file is there."""
    try:
        server = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        server.connect(address)
        server.sendall(name.encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            more = server.recv(4096)
            if not more:
                break
            answer += more
        code, _, words = answer.decode(errors="replace").rstrip("\n").partition(" ")
        if code == str(FOUND):
            _move(words, target)
            return FOUND
        sys.stderr.write(f"{words or 'no answer'}\n")
        return ABSENT if code == str(ABSENT) else UNKNOWN
    except OSError as error:
        sys.stderr.write(f"log file {name}: {error}\n")
        return UNKNOWN


def _move(source: str, target: str) -> None:
    """By one rename where that goes, else beside it and then by one."""
    try:
        os.replace(source, target)  # noqa: PTH105
    except OSError:
        import shutil

        partial = f"{target}.partial"
        shutil.copyfile(source, partial)
        os.replace(partial, target)  # noqa: PTH105
        os.unlink(source)  # noqa: PTH108


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]) if len(sys.argv) == 4 else UNKNOWN)

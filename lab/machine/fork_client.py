"""`python -I -S fork_client.py SOCKET ARGUMENTS`: runs `python ARGUMENTS` as a fork of the process behind the socket.

Only what is needed to ask for it: this starts in hundredths of a second. Where nobody listens, Python itself runs.
Whoever ends this process ends the fork, by the connection.
"""

import json
import os
import signal
import socket
import sys


def main() -> None:
    """Exits as the fork does; 1 when it was killed."""
    where, *arguments = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(where)
    except OSError:
        os.execv(sys.executable, [sys.executable, *arguments])  # noqa: S606 - no shell is wanted
    asked = {"arguments": arguments, "environment": dict(os.environ), "folder": os.getcwd()}  # noqa: PTH109 - pathlib takes as long to load as all of this
    text = json.dumps(asked).encode()
    socket.send_fds(connection, [len(text).to_bytes(4, "big")], [0, 1, 2])
    connection.sendall(text)
    for stream in (0, 1, 2):
        os.close(stream)  # whoever reads the fork's output sees its end, not ours
    os._exit((connection.recv(1) or b"\1")[0])


main()

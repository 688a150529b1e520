"""Python with the SDKs loaded, which forks for each plugin and program that the engine starts.

Every run of the engine starts two to five Python processes, and most of their time is loading the same SDKs: more than
a second of CPU a run. A fork has them already. All else is as before: a process each, started by the engine with its
own environment, streams and folder. Nothing of the repository's program is loaded here: a fork reads it as it is then.
"""

import contextlib
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import sys
import threading
import traceback
from pathlib import Path
from typing import NoReturn

LIBRARIES = (
    "boto3",
    "pulumi",
    "pulumi.provider.experimental.provider",
    "pulumi_aws",
    "pydantic",
    "yaml",
    "lab.providers.serving",
    "lab.providers.sdk",
)


def load() -> None:
    """The libraries, and of the SDKs the classes of the types that the lab knows."""
    from lab.providers.replacement import table

    for name in LIBRARIES:
        importlib.import_module(name)
    for token in table():
        with contextlib.suppress(AttributeError):
            _class(token)
    gc.collect()
    gc.freeze()  # pages that no collection touches stay shared with the forks


def _class(token: str) -> object:
    """As a program gets at it: the SDKs load a module when its name is first used, and not rightly in any other way."""
    package, module, name = token.split(":")
    area, _, version = module.partition("/")
    if package == "aws":
        return getattr(getattr(importlib.import_module("pulumi_aws"), area), name)
    home = getattr(importlib.import_module("pulumi_kubernetes"), area.split(".")[0])
    return getattr(getattr(home, version), name)


def serve(path: Path) -> NoReturn:
    """Fork for each request until SIGTERM."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(64)
    signal.signal(signal.SIGCHLD, _collect)
    sys.stdout.write(f"process {os.getpid()} ready: forks on {path}\n")
    sys.stdout.flush()
    while True:
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            become(connection)
        connection.close()


def _collect(_number: int, _frame: object) -> None:
    """Ended forks; their time counts as ours from then on."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def become(connection: socket.socket) -> NoReturn:
    """The process that was asked for; it tells its exit code, and dies with the one who asked."""
    head, streams, _, _ = socket.recv_fds(connection, 4, 3)
    asked = json.loads(_exactly(connection, int.from_bytes(head, "big")))
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    threading.Thread(target=_die_with, args=(connection,), daemon=True).start()
    code = 1
    try:
        _run(asked["arguments"])
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException as error:  # noqa: BLE001 - as the interpreter does with what nobody caught
        traceback.print_exception(error)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    connection.send(bytes([code & 0xFF]))
    os._exit(code)


def _run(arguments: list[str]) -> None:
    """`-m MODULE …` or `SCRIPT …`, as Python's own command line has them."""
    if arguments[0] == "-m":
        sys.argv = arguments[1:]
        sys.path[0] = str(Path.cwd())
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        return
    sys.argv = arguments
    sys.path[0] = str(Path(arguments[0]).parent)
    runpy.run_path(arguments[0], run_name="__main__")


def _exactly(connection: socket.socket, size: int) -> bytes:
    found = bytearray()
    while len(found) < size:
        found += connection.recv(size - len(found))
    return bytes(found)


def _die_with(connection: socket.socket) -> None:
    connection.recv(1)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    load()
    serve(Path(sys.argv[1]))

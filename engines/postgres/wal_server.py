"""Serves a recovering PostgreSQL its log: a socket for `wal_client`, and files fetched before they are asked for."""

import os
import re
import shlex
import shutil
import socketserver
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import stamina

from engines.postgres import wal_client
from engines.postgres.unpack import Place
from recovery.errors import Corrupt, Failed, Refused, Unreachable

_NAME = re.compile(r"[0-9A-F]{8}\.history|[0-9A-F]{24}(\.[0-9A-F]{8}\.backup)?")
_AHEAD, _READERS = 16, 4
Fetch = Callable[[str], bytes | None]
"""A file of the log by PostgreSQL's name for it; None when there is none and none after it. Raises DrError."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """What a server is given: `fetch`, and the names in the order in which it will ask for them."""

    fetch: Fetch
    order: Sequence[str] = ()


class WalServer:
    """Answers `wal_client`. `error` is why the last request could not be answered."""

    def __init__(self, source: Source, place: Place, *, patience: float) -> None:
        self._source, self._place, self._patience = source, place, patience
        self._number = {name: number for number, name in enumerate(source.order)}
        self._waiting: dict[str, Future[Path | None]] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(_READERS, thread_name_prefix="wal")
        self.error: Exception | None = None
        self.served = 0

    def answer(self, name: str) -> str:
        """One line: the exit code, then the path of a file or words."""
        if not _NAME.fullmatch(name):
            return f"{wal_client.UNKNOWN} {name!r} is no name of a file of the log"
        try:
            path = self._begin(name).result()
        except (Failed, Refused) as error:  # of DrError, that is all of them
            self.error = error
            return f"{wal_client.UNKNOWN} {' '.join(str(error).split())}"
        finally:
            with self._lock:
                self._waiting.pop(name, None)
        if path is None:
            return f"{wal_client.ABSENT} the log has no {name}"
        self.served += 1
        return f"{wal_client.FOUND} {path}"

    def _begin(self, name: str) -> "Future[Path | None]":
        """Fetch it and what comes after it, unless that has been begun."""
        here = self._number.get(name)
        wanted = [name] if here is None else self._source.order[here : here + _AHEAD]
        with self._lock:
            for each in wanted:
                begun = self._waiting.get(each)
                if begun is None or (each == name and begun.done() and begun.exception()):
                    self._waiting[each] = self._pool.submit(self._fetch, each)
            return self._waiting[name]

    def _fetch(self, name: str) -> Path | None:
        body = None
        for attempt in stamina.retry_context(
            on=_may_pass, attempts=None, timeout=self._patience, wait_initial=0.2, wait_max=5
        ):
            with attempt:
                body = self._source.fetch(name)
        if body is None:
            return None
        path = self._place.folder / name
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(file, "wb") as out:
            if self._place.owner is not None:
                os.fchown(out.fileno(), self._place.owner, self._place.owner)
            out.write(body)
        return path

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)


def _may_pass(error: Exception) -> bool:
    """No answer, and a refusal too: credentials and policies are mended while a restore runs. Damage stays."""
    return isinstance(error, (Unreachable, Refused)) and not isinstance(error, Corrupt)


@contextmanager
def serving(source: Source, place: Place, *, patience: float = 60) -> Iterator[tuple[WalServer, str]]:
    """A server and the restore_command for it. `place` is for files on their way, on the file system of the data.
    A fetch that fails is tried again for `patience` seconds. Raises Refused when the owner can run no Python."""
    wal = WalServer(source, place, patience=patience)
    python = _python(place.owner)

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            name = self.rfile.readline(256).decode(errors="replace").rstrip("\n")
            with suppress(OSError):  # whoever asked has been ended
                self.wfile.write(wal.answer(name).encode() + b"\n")

    class Server(socketserver.ThreadingUnixStreamServer):
        daemon_threads = True

    # A socket's path is at most 107 bytes long; and our own program may lie where the data's owner does not get to.
    with tempfile.TemporaryDirectory(prefix="dr-wal-") as folder:
        address, program = Path(folder) / "log", Path(folder) / "wal_client.py"
        shutil.copyfile(wal_client.__file__, program)
        with Server(str(address), Handler) as server:
            if place.owner is not None:
                for path in (folder, address, program):
                    os.chown(path, place.owner, place.owner)
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
            thread.start()
            try:
                yield wal, restore_command([python, "-I", "-S", str(program), str(address)])
            finally:
                server.shutdown()
                thread.join()
                wal.close()


def restore_command(words: Sequence[str]) -> str:
    """For a shell, with %f and %p put by PostgreSQL: exit codes 0, 1 when there is no such file, else above 125."""
    fixed = " ".join(shlex.quote(word).replace("%", "%%") for word in words)
    ends = f"[ $code = {wal_client.ABSENT} ] && exit 1; [ $code = 0 ] || exit {wal_client.UNKNOWN}"
    return f"{fixed} %f %p; code=$?; {ends}"


def _python(owner: int | None) -> str:
    """One that the data's owner can run: ours, or the machine's. Raises Refused when there is none."""
    tried = (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3")
    for program in tried:
        with suppress(OSError, subprocess.SubprocessError):
            subprocess.run(
                [program, "-I", "-S", "-c", ""], user=owner, group=owner, check=True, timeout=30, capture_output=True
            )
            return program
    raise Refused(
        f"the data's owner can run none of {', '.join(tried)}",
        next_step="install Python where that user can run it (Debian: python3), or run this as the data's owner",
    )

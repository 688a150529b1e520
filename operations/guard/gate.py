"""The gate: an HAProxy that is this process's child and exists only while the gate is open."""

import contextlib
import ctypes
import ipaddress
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from recovery.errors import Failed, Refused
from recovery.units import is_port

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)
_BACKLOG = 1024
_MOST_CONNECTIONS = 10_000


@dataclass(frozen=True)
class Address:
    """Host (name, IP address, or as libpq has it the folder of a Unix socket) and port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def is_ip(self) -> bool:
        """Whether the host is an IP address rather than a name."""
        try:
            ipaddress.ip_address(self.host)
        except ValueError:
            return False
        return True

    @property
    def socket(self) -> str:
        """The path of PostgreSQL's Unix socket; empty when this is no folder."""
        return f"{self.host.rstrip('/')}/.s.PGSQL.{self.port}" if self.host.startswith("/") else ""

    @classmethod
    def parse(cls, text: str) -> "Address":
        """`10.0.0.7:5432`, `primary.example.com:5432` or `/run/postgresql:5432`. Raises ValueError."""
        host, _, port = text.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        found = cls(host, int(port) if is_port(port) else 0)
        if not found.port or not (_FOLDER.fullmatch(host) or _NAME.fullmatch(host) or found.is_ip):
            raise ValueError(f"expected HOST:PORT such as 10.0.0.7:5432, found {text!r}")
        if len(found.socket.encode()) > _LONGEST_SOCKET:
            raise ValueError(f"the path of a Unix socket has at most {_LONGEST_SOCKET} bytes: {found.socket}")
        return found


_NAME = re.compile(r"[a-zA-Z0-9_-]+(\.[a-zA-Z0-9_-]+)*")
_FOLDER = re.compile(r"(/[a-zA-Z0-9_.-]+)+/?")  # nothing that HAProxy's configuration would read as more than a word
_LONGEST_SOCKET = 107  # sun_path without its final zero: https://man7.org/linux/man-pages/man7/unix.7.html


def find_haproxy() -> str:
    """The binary. Raises Refused when there is none: a guard without a gate must not adopt a lease."""
    found = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise Refused(
            "HAProxy is neither on PATH nor in /usr/sbin; without it there is no gate to open",
            next_step="install the package `haproxy`, or use the dr-runner image, which has it",
        )
    return found


@dataclass(frozen=True)
class Way:
    """Through the gate: what comes in at `listen` goes on to `upstream`."""

    listen: Address
    upstream: Address

    @classmethod
    def parse(cls, text: str) -> "Way":
        """`10.0.0.7:7379=redis.example.com:6379`. Raises ValueError."""
        listen, _, upstream = text.partition("=")
        found = cls(Address.parse(listen), Address.parse(upstream))
        if not found.listen.is_ip or found.upstream.socket:
            raise ValueError(f"expected IP:PORT=HOST:PORT such as 10.0.0.7:7379=10.0.0.9:6379, found {text!r}")
        return found


def configuration(listeners: Sequence[int], ways: Sequence[Way], *, descriptors: int) -> str:
    """HAProxy's configuration. `listeners` are inherited sockets, one a way; where a way listens is where its server
    sees us come from, when that is not reached through a Unix socket.

    The long time-outs are for database sessions that idle in a pool; dead peers are found by TCP keepalive.
    """
    connections = max(16, min(_MOST_CONNECTIONS, (descriptors - 100) // 2))
    named = any(not (way.upstream.is_ip or way.upstream.socket) for way in ways)
    resolvers = "resolvers system\n    parse-resolv-conf\n    hold valid 10s\n" if named else ""
    listens = "".join(_listen(*each) for each in zip(_names(ways), listeners, ways, strict=True))
    return f"""global
    maxconn {connections}
{resolvers}defaults
    mode tcp
    maxconn {connections}
    timeout connect 3s
    timeout client 1d
    timeout server 1d
    timeout client-fin 10s
    timeout server-fin 10s
    option clitcpka
    option srvtcpka
    retries 1
{listens}"""


def _names(ways: Sequence[Way]) -> list[str]:
    return ["gate", *(f"also{number}" for number in range(1, len(ways)))]


def _listen(name: str, listener: int, way: Way) -> str:
    upstream = way.upstream
    named = not (upstream.is_ip or upstream.socket)
    server = f"unix@{upstream.socket}" if upstream.socket else f"{upstream} source {way.listen.host}"
    resolving = " resolvers system init-addr last,libc,none" if named else ""
    return f"""listen {name}
    bind fd@{listener}
    server primary {server}{resolving}
"""


class Gate:
    """Open: HAProxy listens on `listen` and relays to `upstream`, and by each of `also`. Closed: no process, no socket,
    so all of these ways end in the same moment."""

    def __init__(self, binary: str, listen: Address, upstream: Address, also: Sequence[Way] = ()) -> None:
        self.listen = listen
        self.upstream = upstream
        self._ways = (Way(listen, upstream), *also)
        self._binary = binary
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process_id(self) -> int | None:
        """HAProxy's process id while it runs."""
        return self._process.pid if self.is_open() and self._process else None

    def is_open(self) -> bool:
        """Whether HAProxy runs."""
        return self._process is not None and self._process.poll() is None

    def open(self) -> None:
        """Start HAProxy; a no-op when it runs. Call from the main thread: the death signal follows the thread that
        starts the child. Raises Failed when the address cannot be listened on or HAProxy cannot be started."""
        if self.is_open():
            return
        with contextlib.ExitStack() as listening:
            listeners = [listening.enter_context(_listener(way.listen)).fileno() for way in self._ways]
            try:
                self._process = self._start(listeners)
            except OSError as error:
                raise Failed(
                    f"the gate's HAProxy cannot be started: {error.strerror}", next_step="see what is wrong with it"
                ) from None

    def close(self) -> None:
        """SIGKILL and reap: when this returns, the listener and every connection through the gate are gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _start(self, listeners: Sequence[int]) -> subprocess.Popen[bytes]:
        descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        text = configuration(listeners, self._ways, descriptors=descriptors)
        process = subprocess.Popen(
            [self._binary, "-db", "-q", "-f", "/dev/stdin"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=tuple(listeners),
            preexec_fn=_die_with(os.getpid()),
            env={"PATH": os.environ.get("PATH", "")},  # no credentials in the process that faces the network
        )
        assert process.stdin is not None  # noqa: S101  we asked for a pipe
        with contextlib.suppress(BrokenPipeError), process.stdin:
            process.stdin.write(text.encode())
        return process


def _listener(listen: Address) -> socket.socket:
    """Listening here rather than in HAProxy: open means reachable at once, and an error has a name."""
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((listen.host, listen.port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise Failed(
            f"the gate cannot listen on {listen}: {error.strerror}",
            next_step="--listen and --also must be addresses of this Pod or host that no other process listens on",
        ) from None
    return listener


def _die_with(parent: int) -> Callable[[], None]:
    """For preexec_fn: the kernel kills the child when the guard ends, in whatever way."""

    def before_exec() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        if os.getppid() != parent:  # the guard died before the death signal was set
            os._exit(1)

    return before_exec

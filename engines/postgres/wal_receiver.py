"""Follows a server's log: receive, cut, store, and only then say that it is stored.

`receive` is one session from its start to its end; what to read from where is decided in `wal_session`.
"""

import select
import time
from collections.abc import Callable
from typing import Literal, Protocol

from engines.postgres.wal_cutting import Cutter
from engines.postgres.wal_sender import Sender
from engines.postgres.wal_stream import Data, EndOfStream, Keepalive
from recovery.errors import DrError, Unreachable

_STATUS_SECONDS = 1.0  # below any wal_sender_timeout that makes sense
_DRAIN_SECONDS = 10.0
# After the first of silence the server is asked to say something; after the second its session is given up. A host that
# died says nothing, and TCP alone would go on believing in it for a quarter of an hour.
_ASK_SECONDS, _SILENCE_SECONDS = 10.0, 30.0
_MESSAGES_A_TURN = 256

Ended = Literal["end", "stopped"]


class Stream(Protocol):
    """engines.postgres.wal_stream.WalStream, once it was started."""

    def fileno(self) -> int: ...

    def receive(self) -> Data | Keepalive | None: ...

    def confirm(self, received: int, durable: int, *, ask: bool = False) -> None: ...


def receive(
    stream: Stream,
    cutter: Cutter,
    sender: Sender,
    *,
    stop: Callable[[], bool],
    stored: Callable[[int], None] = lambda _: None,
    now: Callable[[], float] = time.monotonic,
) -> Ended:
    """Until the server's stream ends or `stop` says so: then what has come is stored first, for a few seconds.

    `stored` hears how far the bucket's log is each time that changes.

    The flush position of every message to the server is what the bucket has: whatever the server asks, whatever has
    come and however long a request takes. Raises Unreachable when the session is lost, OtherBytes.
    """
    said_at, heard_at = 0.0, now()
    poll = select.poll()
    poll.register(sender.wake, select.POLLIN)
    ended: Ended | None = None
    drain_until = 0.0
    while True:
        if sender.collect():
            stored(sender.durable)
            said_at = 0.0
        if ended is None and stop():
            ended, drain_until = "stopped", now() + _DRAIN_SECONDS
        more = False
        if sender.full:
            heard_at = now()  # nobody listens
        elif ended is None:
            try:
                wanted, some, more = _take_in(stream, cutter, sender, now)
                said_at = 0.0 if wanted else said_at
                heard_at = now() if some else heard_at
            except EndOfStream:
                ended, drain_until = "end", now() + _DRAIN_SECONDS
        for cut in cutter.due(now()) if ended is None else cutter.rest():
            sender.put(cut)
        if now() - said_at >= _STATUS_SECONDS:
            said_at = now()
            silent = 0.0 if ended else said_at - heard_at
            if silent > _SILENCE_SECONDS:
                raise Unreachable(f"the server has said nothing for {silent:.0f} s, and was asked to")
            _say(stream, cutter.position, sender.durable, ask=silent > _ASK_SECONDS, ending=ended is not None)
        if ended and (not sender.busy or now() > drain_until):
            if not sender.busy:
                _say(stream, cutter.position, sender.durable, ending=True)
            return ended
        if not more:
            _wait(poll, stream, cutter, sender, said_at, now, reading=ended is None)


def _take_in(stream: Stream, cutter: Cutter, sender: Sender, now: Callable[[], float]) -> tuple[bool, bool, bool]:
    """Take what has come, some of it at a time; whether the server wants an answer, whether anything came, and whether
    more may be there already. Raises EndOfStream."""
    wanted = some = False
    for _ in range(_MESSAGES_A_TURN):
        message = stream.receive()
        if message is None:
            return wanted, some, False
        some = True
        if isinstance(message, Keepalive):
            wanted = wanted or message.answer
            continue
        for cut in cutter.add(message.start, message.body, now()):
            sender.put(cut)
        if sender.full:
            return wanted, some, False
    return wanted, some, True


def _say(stream: Stream, received: int, durable: int, *, ask: bool = False, ending: bool) -> None:
    """At the end nobody may be listening any more: the bucket has what it has."""
    try:
        stream.confirm(received, durable, ask=ask)
    except DrError:
        if not ending:
            raise


def _wait(
    poll: "select.poll",
    stream: Stream,
    cutter: Cutter,
    sender: Sender,
    said_at: float,
    now: Callable[[], float],
    *,
    reading: bool,
) -> None:
    """Until something comes, something is stored or something is due."""
    until = said_at + _STATUS_SECONDS
    if cutter.due_at is not None:
        until = min(until, cutter.due_at)
    listening = reading and not sender.full
    if listening:
        poll.register(stream.fileno(), select.POLLIN)
    try:
        poll.poll(max(0.0, until - now()) * 1000)
    except OSError as error:
        raise Unreachable(f"the session to the server broke: {error}") from None
    finally:
        if listening:
            poll.unregister(stream.fileno())

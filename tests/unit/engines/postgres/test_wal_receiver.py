"""A session from its start to its end, on a server that says nothing any more."""

from itertools import count

import pytest

from engines.postgres.wal_bucket import WalBucket
from engines.postgres.wal_cutting import Cutter
from engines.postgres.wal_receiver import receive
from engines.postgres.wal_sender import Sender
from recovery.copies.log import Line
from recovery.errors import Unreachable
from tests.support.fakes import FakeBucket
from tests.support.simulated_log import SEGMENT, SYSTEM, SimulatedServer


def test_a_server_that_says_nothing_is_asked_and_then_given_up() -> None:
    server, store = SimulatedServer(b""), FakeBucket()
    sender = Sender(WalBucket(store, SYSTEM, SEGMENT), Line(1, SYSTEM, 1), 0)
    cutter = Cutter(0, segment_bytes=SEGMENT, most_bytes=SEGMENT, most_seconds=1)
    clock = count()  # each look takes a second
    try:
        with pytest.raises(Unreachable, match=r"said nothing for 3. s, and was asked to"):
            receive(server, cutter, sender, stop=lambda: False, now=lambda: float(next(clock)))
        assert server.asked
        assert set(server.confirmed) == {0}
    finally:
        sender.close()
        server.shut_down()


def test_while_nobody_listens_because_nothing_can_be_stored_silence_proves_nothing() -> None:
    class Full(Sender):
        @property
        def full(self) -> bool:
            return True

    server, store = SimulatedServer(b""), FakeBucket()
    sender = Full(WalBucket(store, SYSTEM, SEGMENT), Line(1, SYSTEM, 1), 0)
    cutter = Cutter(0, segment_bytes=SEGMENT, most_bytes=SEGMENT, most_seconds=1)
    clock, turns = count(), count()
    try:
        ended = receive(server, cutter, sender, stop=lambda: next(turns) > 50, now=lambda: float(next(clock)))
        assert ended == "stopped"
    finally:
        sender.close()
        server.shut_down()

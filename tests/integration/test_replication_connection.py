"""The walsender's session on a real PostgreSQL: tables, errors, both ways of COPY, deadlines, signals."""

import signal
import threading
import time
from collections.abc import Iterator

import psycopg
import pytest

from engines.postgres.replication_connection import ReplicationConnection, table
from tests.support.backup_site import Site


@pytest.fixture
def session(each_source: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[ReplicationConnection]:
    for name, value in each_source.environment.items():
        monkeypatch.setenv(name, value)
    with ReplicationConnection.open() as opened:
        yield opened


def soon(seconds: float = 20) -> float:
    return time.monotonic() + seconds


def test_a_command_answers_with_a_table_and_a_wrong_one_with_its_sqlstate(session: ReplicationConnection) -> None:
    ((system, timeline, position, database),) = session.rows("IDENTIFY_SYSTEM", until=soon())
    assert system and system.isdigit() and timeline == "1" and position and database is None
    with pytest.raises(psycopg.Error) as refusal:
        session.rows("START_REPLICATION SLOT nobodys PHYSICAL 0/1000000", until=soon())
    assert refusal.value.sqlstate == "42704"  # undefined_object
    assert session.rows("SHOW server_version_num", until=soon())


def test_wal_comes_by_copy_and_the_copy_is_ended_from_here(session: ReplicationConnection) -> None:
    ((_, _, position, _),) = session.rows("IDENTIFY_SYSTEM", until=soon())
    assert position
    start = f"{position.split('/')[0]}/{int(position.split('/')[1], 16) & ~0xFFFFFF:X}"
    session.send(f"START_REPLICATION PHYSICAL {start}", until=soon())
    begun = session.result(until=soon())
    assert begun and begun.status == psycopg.pq.ExecStatus.COPY_BOTH
    message = session.receive(until=soon())
    assert message and message[:1] == b"w" and len(message) > 25
    session.write(b"r" + bytes(32) + b"\x01", until=soon())  # a status message that wants an answer
    session.pgconn.put_copy_end()
    session.flush(until=soon())
    while session.receive(until=soon()) is not None:
        pass
    while session.result(until=soon()) is not None:
        pass
    assert session.rows("IDENTIFY_SYSTEM", until=soon())


def test_a_temporary_slot_ends_with_the_session(each_source: Site, session: ReplicationConnection) -> None:
    session.rows("CREATE_REPLICATION_SLOT dr_try TEMPORARY PHYSICAL RESERVE_WAL", until=soon())
    with each_source.primary.connect() as connection:
        reserved = "SELECT restart_lsn IS NOT NULL FROM pg_replication_slots WHERE slot_name = 'dr_try'"
        assert connection.execute(reserved).fetchall() == [(True,)]
        session.close()
        deadline = soon()
        while connection.execute(reserved).fetchall() and time.monotonic() < deadline:
            pass
        assert not connection.execute(reserved).fetchall()


def test_a_wait_ends_at_its_deadline_and_by_a_signal(session: ReplicationConnection) -> None:
    with pytest.raises(TimeoutError):
        session.wait(until=soon(0.05))

    class Ended(Exception):
        pass

    def end(*_: object) -> None:
        raise Ended

    before = signal.signal(signal.SIGUSR1, end)
    try:
        alarm = threading.Timer(0.1, lambda: signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1))
        alarm.start()
        with pytest.raises(Ended):
            session.wait(until=soon(60))
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_a_table_keeps_what_is_null(session: ReplicationConnection) -> None:
    session.send("IDENTIFY_SYSTEM", until=soon())
    result = session.result(until=soon())
    assert result and table(result)[0][3] is None

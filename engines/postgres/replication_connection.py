"""A walsender's session on psycopg 3's `pq` layer, whose cursors know nothing of the COPY that carries a backup or WAL.

Server, login, password and TLS are libpq's, from the environment (PGHOST, PGPASSFILE, PGSSLMODE and so on).
https://www.postgresql.org/docs/18/protocol-replication.html
"""

import select
import time
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import psycopg
    from psycopg import pq

_CONNECT_SECONDS = 10
_LONGEST_WAIT = 3600.0


class ReplicationConnection:
    """One session. Every wait can be interrupted by a signal's handler, and ends with TimeoutError at its deadline.

    `until` is a moment of `time.monotonic()`. All methods raise psycopg.Error, with `sqlstate` where the server gave
    one. `pgconn` is the connection itself, non-blocking, for what is not here.
    """

    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        self._connection = connection
        self.pgconn: pq.abc.PGconn = connection.pgconn
        self.pgconn.nonblocking = 1

    @classmethod
    def open(cls, *, application_name: str = "dr", server: str = "") -> Self:
        """Log in as a client of physical replication. `server` wins over libpq's variables."""
        import psycopg  # a fifth of a second, which the commands that only read the bucket need not wait for

        connection = psycopg.connect(
            f"replication=true {server}",
            autocommit=True,
            connect_timeout=_CONNECT_SECONDS,
            application_name=application_name,
        )
        return cls(connection)

    def rows(self, command: str, *, until: float) -> list[tuple[str | None, ...]]:
        """Run a command that answers with one table or nothing, such as IDENTIFY_SYSTEM."""
        self.send(command, until=until)
        found: list[tuple[str | None, ...]] = []
        while (result := self.result(until=until)) is not None:
            found += table(result)
        return found

    def send(self, command: str, *, until: float) -> None:
        """Begin a command whose results are fetched by `result`."""
        self.pgconn.send_query(command.encode())
        self.flush(until=until)

    def result(self, *, until: float) -> "pq.abc.PGresult | None":
        """The next result of the command, None after the last. One that starts a COPY is returned as it is.

        After the server's error the session takes commands again, unless it was lost.
        """
        from psycopg import errors, pq

        found = self._next_result(until)
        if found is None or found.status not in (pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.BAD_RESPONSE):
            return found
        while self._next_result(until):
            pass
        raise errors.error_from_result(found)

    def receive(self, *, until: float) -> memoryview | None:
        """The next message of the COPY, None at its end; then `result` says how it ended."""
        while True:
            size, message = self.pgconn.get_copy_data(1)
            if size > 0:
                return memoryview(message)
            if size < 0:
                return None
            self.wait(until=until)
            self.pgconn.consume_input()

    def write(self, message: bytes, *, until: float) -> None:
        """Send a message of a COPY to the server."""
        while not self.pgconn.put_copy_data(message):
            self.flush(until=until)
        self.flush(until=until)

    def end_writing(self, *, until: float) -> None:
        """Say that no message of a COPY to the server follows; `result` tells what it made of them."""
        while not self.pgconn.put_copy_end():
            self.flush(until=until)
        self.flush(until=until)

    def flush(self, *, until: float) -> None:
        """Send what libpq still holds. The server may want to be read from before it reads on."""
        while self.pgconn.flush():
            if self.wait(until=until, write=True) & select.POLLIN:
                self.pgconn.consume_input()

    def wait(self, *, until: float, write: bool = False) -> int:
        """Until there is something to read (or room to write); returns what poll saw. Raises TimeoutError."""
        poll = select.poll()
        poll.register(self.pgconn.socket, select.POLLIN | (select.POLLOUT if write else 0))
        seen = poll.poll(max(0.0, min(until - time.monotonic(), _LONGEST_WAIT)) * 1000)
        if seen:
            return seen[0][1]
        if time.monotonic() < until:
            return 0
        raise TimeoutError("the server did not answer in time")

    def close(self) -> None:
        """End the session; what it began on the server ends with it, temporary slots too."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _next_result(self, until: float) -> "pq.abc.PGresult | None":
        while self.pgconn.is_busy():
            self.wait(until=until)
            self.pgconn.consume_input()
        return self.pgconn.get_result()


def table(result: "pq.abc.PGresult") -> list[tuple[str | None, ...]]:
    """The rows of a result, as text."""

    def value(row: int, column: int) -> str | None:
        found = result.get_value(row, column)
        return None if found is None else bytes(found).decode()

    return [tuple(value(row, column) for column in range(result.nfields)) for row in range(result.ntuples)]

"""Several questions at once, turn after turn, by one pool; each has its port's own time-out.

What does not answer is told in words. `operations.monitoring.asking` is for one round with one end for all.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from recovery.errors import DrError
from recovery.failover.facts import Unknown
from recovery.ports.edge import Edge, ServiceAnswer

T = TypeVar("T")


class Asker:
    """Threads for looks that must not wait for each other. Close it at the end."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=32, thread_name_prefix="look")

    def begin(self, read: Callable[[], T]) -> "Future[T]":
        """Ask now, take the answer later."""
        return self._pool.submit(read)

    def begin_known(self, read: Callable[[], T]) -> "Future[T | Unknown]":
        """The same; an answer that does not come is Unknown."""
        return self._pool.submit(known, read)

    def services(self, questions: Mapping[str, tuple[Edge, str]]) -> dict[str, ServiceAnswer | str]:
        """Each service of each edge, all at once; for what does not answer, why."""
        return dict(zip(questions, self._pool.map(_answer, questions.values()), strict=True))

    def close(self) -> None:
        """Do not wait for what is still out."""
        self._pool.shutdown(wait=False)


def known(read: Callable[[], Any]) -> Any:
    """What it returns, or Unknown with the reason."""
    try:
        return read()
    except DrError as error:
        return Unknown.of(error)


def _answer(question: tuple[Edge, str]) -> ServiceAnswer | str:
    edge, service = question
    try:
        return edge.ask(service)
    except DrError as error:
        return error.what

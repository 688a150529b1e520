"""Questions asked all at once, each in a thread of its own, with one end for all of them."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from time import monotonic
from typing import TypeVar

from recovery.errors import DrError, Unreachable

_T = TypeVar("_T")


class Asking:
    """`ask` starts a question and returns what gives its answer; after `seconds` there is none."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = monotonic() + seconds

    def ask(self, whom: str, question: Callable[[], _T]) -> Callable[[], _T]:
        """The returned function raises what the question raised, and Unreachable when no answer came in time."""
        answer: Future[_T] = Future()

        def work() -> None:
            try:
                answer.set_result(question())
            except BaseException as error:  # noqa: BLE001  (handed to whoever wants the answer)
                answer.set_exception(error)

        # A daemon: the end of the process does not wait for an endpoint that is gone.
        Thread(target=work, daemon=True).start()

        def wait() -> _T:
            try:
                return answer.result(max(0.0, self._end - monotonic()))
            except TimeoutError:
                raise Unreachable(f"{whom} did not answer within {self._seconds:g} s") from None

        return wait


def answer(asked: Callable[[], _T]) -> _T | DrError:
    """The answer, or why there is none."""
    try:
        return asked()
    except DrError as error:
        return error

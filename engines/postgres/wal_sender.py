"""Sends ranges of the log to the bucket, a few at a time, and knows how far it is stored without a hole."""

import os
import random
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

from engines.postgres.wal_bucket import WalBucket
from engines.postgres.wal_cutting import Cut
from engines.shipping import OtherBytes
from recovery.copies.log import Line
from recovery.errors import DrError, Failed

_SENDERS = 3
# Of the log, held in memory until it is stored. The server keeps what does not fit.
_MOST_BYTES = 8 * 1024 * 1024
_LONGEST_PAUSE = 5.0


class Sender:
    """`durable` is the end of what is stored without a hole. What the bucket does not take is tried again until it
    does, told to `trouble` each time; only other bytes under the same name end it. `wake` becomes readable when
    `collect` has something to do."""

    def __init__(
        self, bucket: WalBucket, line: Line, start: int, *, trouble: Callable[[DrError], None] = lambda _: None
    ) -> None:
        self.durable = start
        self._bucket, self._line, self._trouble = bucket, line, trouble
        self._waiting: deque[tuple[Cut, Future[None]]] = deque()
        self._stopping = threading.Event()
        self._pool = ThreadPoolExecutor(_SENDERS, thread_name_prefix="log-range")
        self.wake, self._waker = os.pipe()
        os.set_blocking(self.wake, False)
        os.set_blocking(self._waker, False)

    @property
    def full(self) -> bool:
        """Whether nothing more may be put before something is stored."""
        return sum(len(cut.body) for cut, _ in self._waiting) >= _MOST_BYTES

    @property
    def busy(self) -> bool:
        """Whether anything is not stored yet."""
        return bool(self._waiting)

    def put(self, cut: Cut) -> None:
        """Begin to store it."""
        future = self._pool.submit(self._store, cut)
        future.add_done_callback(lambda _: self._woken())
        self._waiting.append((cut, future))

    def collect(self) -> bool:
        """Note what has been stored; whether `durable` moved. Raises OtherBytes."""
        with suppress(BlockingIOError):
            while os.read(self.wake, 4096):
                pass
        before = self.durable
        while self._waiting and self._waiting[0][1].done():
            cut, future = self._waiting.popleft()
            future.result()
            self.durable = cut.end
        return self.durable > before

    def close(self) -> None:
        """Give up what is not stored yet; a request that is on its way is waited for."""
        self._stopping.set()
        self._pool.shutdown(cancel_futures=True)
        os.close(self.wake)
        os.close(self._waker)

    def _woken(self) -> None:
        with suppress(OSError):  # full: then somebody is woken anyway; closed: nobody wants to be
            os.write(self._waker, b".")

    def _store(self, cut: Cut) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                self._bucket.put(self._line, cut)
            except OtherBytes:
                raise
            except DrError as error:
                self._trouble(error)
            else:
                return
            failures += 1
            # Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
            pause = random.uniform(0, min(_LONGEST_PAUSE, 0.1 * 2 ** min(failures, 10)))  # noqa: S311  (not a secret)
            self._stopping.wait(pause)
        raise Failed("the shipper ended before this range was stored")

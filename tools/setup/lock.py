"""One set-up at a time for each thing in the cache."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.setup.children import Children
from tools.setup.progress import Progress

RETRY_SECONDS = 0.1


@contextmanager
def locked(root: Path, name: str, children: Children, progress: Progress) -> Iterator[None]:
    """Hold the lock `name` of the cache `root`, after another set-up that has it. The kernel frees it if we die.

    Raises Stopped when the set-up is ended while it waits.
    """
    root.mkdir(parents=True, exist_ok=True)
    said = False
    with (root / f"{name}.lock").open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not said:
                    progress.say(f"waiting for another set-up that is at the same step ({name}) …")
                said = True
                children.check()
                time.sleep(RETRY_SECONDS)
        yield

"""What a person sees while waiting: one line when a step starts, one when it ends, one a minute in between."""

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

HEARTBEAT_SECONDS = 60.0


def in_words(seconds: float) -> str:
    """`150` is `2 min 30 s`."""
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


class Progress:
    """Prints steps with the seconds since the start. Safe to call from several threads."""

    def __init__(self, out: TextIO = sys.stderr) -> None:
        self._out = out
        self._begun = time.monotonic()
        self._lock = threading.Lock()
        self._colour = out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    def say(self, text: str, *, ansi: str = "") -> None:
        """One line, at once. `ansi` is the colour's number, used on a terminal only."""
        stamp = f"[{time.monotonic() - self._begun:4.0f} s]"
        if ansi and self._colour:
            text = f"\x1b[{ansi}m{text}\x1b[0m"
        with self._lock:
            self._out.write(f"{stamp} {text}\n")
            self._out.flush()

    @contextmanager
    def step(self, what: str, usually: float | None = None) -> Iterator[None]:
        """Announce `what`, which usually takes `usually` seconds on 2 cores, and say how long it took."""
        begun = time.monotonic()
        hint = f", usually {in_words(usually)}" + (" on 2 cores" if usually >= 30 else "") if usually else ""
        self.say(f"{what} …{hint}")
        over = threading.Event()
        threading.Thread(target=self._heartbeat, args=(what, begun, over), daemon=True).start()
        try:
            yield
        except BaseException:
            self.say(f"{what}: not finished, after {in_words(time.monotonic() - begun)}", ansi="31")
            raise
        finally:
            over.set()
        self.say(f"{what}: done in {in_words(time.monotonic() - begun)}", ansi="32")

    def _heartbeat(self, what: str, begun: float, over: threading.Event) -> None:
        while not over.wait(HEARTBEAT_SECONDS):
            self.say(f"{what}: still at it after {in_words(time.monotonic() - begun)}")

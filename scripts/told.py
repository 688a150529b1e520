"""What a command says that runs until it is ended: a line each, the same trouble again at most once a minute."""

import json as json_format
import sys
import time
from datetime import UTC, datetime

from recovery.errors import DrError

_SAME_AFTER_SECONDS = 60.0


class Told:
    """On standard error in words, or on standard output as JSON."""

    def __init__(self, *, as_json: bool = False) -> None:
        self._as_json = as_json
        self._said: dict[str, float] = {}

    def says(self, words: str) -> None:
        """What goes on."""
        self._line("says", words)

    def trouble(self, error: DrError) -> None:
        """What does not work and is tried again."""
        now = time.monotonic()
        if now - self._said.get(error.what, -_SAME_AFTER_SECONDS) < _SAME_AFTER_SECONDS:
            return
        self._said = {what: at for what, at in self._said.items() if now - at < _SAME_AFTER_SECONDS}
        self._said[error.what] = now
        self._line("trouble", str(error))

    def _line(self, kind: str, words: str) -> None:
        at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        if self._as_json:
            sys.stdout.write(json_format.dumps({"at": at, kind: words}) + "\n")
            sys.stdout.flush()
        else:
            sys.stderr.write(f"{at} {words}\n")
            sys.stderr.flush()

"""What `dr ship-log` becomes when it has read plan and options: a program that follows the log and loads little else.

    python shipper.py TASK [--json]

TASK is what `operations.copies.shipping_task` wrote. Why it is a program of its own: ADR 33.
"""

import signal
import sys
from pathlib import Path

_WITH_ROOMS = Path(__file__).resolve().parents[1]


def main(task: str, *options: str) -> None:
    """Follow the log until a signal ends it, and end the process with a documented exit code."""
    from scripts.outermost import ending_in_words

    sys.exit(ending_in_words(lambda: _follow(task, as_json="--json" in options)))


def _follow(text: str, *, as_json: bool) -> int:
    from engines.shipping import Heard
    from operations.copies.shipping_task import Task
    from scripts.told import Told

    told = Told(as_json=as_json)
    shipper = Task.from_json(text).shipper(Heard(says=told.says, trouble=told.trouble))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: shipper.end())
    shipper.run()
    return 0


if __name__ == "__main__":
    sys.path[0] = str(_WITH_ROOMS)  # where the rooms lie, not where this file does
    main(*sys.argv[1:])

"""A process that kills itself at one of its requests to the store."""

import os
import signal
from pathlib import Path
from typing import Any

from cloud.objects import S3Bucket


def kill_at(store: S3Bucket, number: int, when: str) -> None:
    """At request `number` of `store`, `before` it is sent or `after` it was answered; the file that SAID names gets its
    name first."""
    seen = list[str]()

    def die(event_name: str, **_: Any) -> None:
        seen.append(event_name)
        if len(seen) == number:
            Path(os.environ["SAID"]).write_text(event_name)
            os.kill(os.getpid(), signal.SIGKILL)

    for client in {id(each): each for each in (store._quick, store._bulk)}.values():  # pyright: ignore[reportPrivateUsage]
        client.meta.events.register("before-send.s3" if when == "before" else "after-call.s3", die)

"""A program of its own that makes a copy of Redis and kills itself at one of the store's requests.

Arguments: the bucket, the number of the request, `before` it is sent or `after` it was answered. Ends well when there
are fewer requests.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any, cast

from cloud.objects import S3Bucket
from tests.support.redis_site import RedisSite


class FromHere(RedisSite):
    """Of the server that this process's environment names."""

    @property
    def environment(self) -> dict[str, str]:
        return dict(os.environ)


if __name__ == "__main__":
    bucket, number, when = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    store, seen = S3Bucket(bucket, "us-east-1"), list[str]()

    def die(event_name: str, **_: Any) -> None:
        seen.append(event_name)
        if len(seen) == number:
            Path(os.environ["SAID"]).write_text(event_name)
            os.kill(os.getpid(), signal.SIGKILL)

    for client in {id(each): each for each in (store._quick, store._bulk)}.values():  # pyright: ignore[reportPrivateUsage]
        client.meta.events.register("before-send.s3" if when == "before" else "after-call.s3", die)
    FromHere(cast("Any", None), cast("Any", None), "", store=store).back_up()

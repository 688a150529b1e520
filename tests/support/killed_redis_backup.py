"""A program of its own that makes a copy of Redis and kills itself at one of the store's requests.

Arguments: the bucket, the number of the request, `before` it is sent or `after` it was answered. Ends well when there
are fewer requests.
"""

import os
import sys
from typing import Any, cast

from cloud.objects import S3Bucket
from tests.support.killing import kill_at
from tests.support.redis_site import RedisSite


class FromHere(RedisSite):
    """Of the server that this process's environment names."""

    @property
    def environment(self) -> dict[str, str]:
        return dict(os.environ)


if __name__ == "__main__":
    bucket, number, when = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    store = S3Bucket(bucket, "us-east-1")
    kill_at(store, number, when)
    FromHere(cast("Any", None), cast("Any", None), "", store=store).back_up()

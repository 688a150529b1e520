"""A program of its own that makes a copy of configuration and kills itself at one of its requests to S3 or KMS.

Arguments: the bucket, the keys' ARNs (DR's, production's), the number of the request, `before` it is sent or `after` it
was answered. Ends well when there are fewer requests.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from cloud import sealing
from cloud.objects import S3Bucket
from tests.support.configuration_site import ConfigurationSite, small

if __name__ == "__main__":
    bucket, dr, prod, number, when = sys.argv[1:]
    store, seen = S3Bucket(bucket, "us-east-1"), list[str]()

    def die(event_name: str, **_: Any) -> None:
        seen.append(event_name)
        if len(seen) == int(number):
            Path(os.environ["SAID"]).write_text(event_name)
            os.kill(os.getpid(), signal.SIGKILL)

    def watched(client: Any, service: str) -> Any:
        client.meta.events.register(f"before-send.{service}" if when == "before" else f"after-call.{service}", die)
        return client

    for each in {id(each): each for each in (store._quick, store._bulk)}.values():  # pyright: ignore[reportPrivateUsage]
        watched(each, "s3")
    make = sealing.client
    sealing.client = lambda service, region: watched(make(service, region), service)  # type: ignore[assignment]
    site: ConfigurationSite = small()
    site.store, site.keys = store, sealing.KmsSealer(dr=dr, prod=prod)
    site.back_up()

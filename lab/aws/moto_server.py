"""The one moto process: every region, every service, one memory.

One process because KMS replica keys, peering and unique bucket names only hold across regions inside one moto.
"""

import argparse
import logging
import os
import sys
import threading
import urllib.request
from pathlib import Path

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from lab.aws import moto_corrections
from lab.aws.changes import Counted

JSON = "application/x-amz-json-1.0"


def warm_up(url: str) -> None:
    """Load the backends that every run uses, so that its first request does not wait for their import."""
    calls = {
        "s3": ("/", None, {}),
        "route53": ("/2013-04-01/hostedzone", None, {}),
        "dynamodb": ("/", b"{}", {"X-Amz-Target": "DynamoDB_20120810.ListTables", "Content-Type": JSON}),
    }
    for service, (path, body, headers) in calls.items():
        scope = f"AWS4-HMAC-SHA256 Credential=lab/20260101/us-east-1/{service}/aws4_request"
        request = urllib.request.Request(url + path, headers={"Authorization": scope, **headers}, data=body)
        try:
            urllib.request.urlopen(request, timeout=10).read()
        except OSError:
            continue


def main(argv: list[str] | None = None) -> None:
    """Serve until SIGTERM, whose default action ends the process at once."""
    parser = argparse.ArgumentParser(prog="lab.aws.moto_server", description=__doc__)
    parser.add_argument("--address", required=True, help="loopback address to listen on")
    parser.add_argument("--port", type=int, default=5000)
    parser.add_argument("--changes", type=Path, required=True, help="folder for the counts of writes")
    options = parser.parse_args(argv)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    moto_corrections.apply()
    server = make_server(
        options.address,
        options.port,
        Counted(DomainDispatcherApplication(create_backend_app), options.changes),  # type: ignore[arg-type]
        threaded=True,
        request_handler=MotoRequestHandler,
    )
    sys.stdout.write(f"process {os.getpid()} ready: moto on {options.address}:{options.port}\n")
    sys.stdout.flush()
    threading.Thread(target=warm_up, args=(f"http://{options.address}:{options.port}",), daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    main()

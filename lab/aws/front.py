"""The way from each place to AWS: one process, one listening address per place, one moto behind all of them.

A front routes by the region in the request's credential scope, as an endpoint's name would. Which place asks is told
by the address it came in on. Bodies stream both ways; nothing is held.
"""

import argparse
import asyncio
import json
import os
import re
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector, web
from multidict import CIMultiDict
from yarl import URL

from lab.aws import requests
from lab.aws.reach import ANSWER_DROPPED
from lab.aws.requests import Asked, MultiRegionTable
from lab.aws.rules import Drop, RuleFile

HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "upgrade", "expect"})
BUFFER = 512 * 1024
WRONG_REGION = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>PermanentRedirect</Code><Message>The bucket you are'
    " attempting to access must be addressed using the specified endpoint.</Message>"
    "<Endpoint>{bucket}.s3.{region}.amazonaws.com</Endpoint><Bucket>{bucket}</Bucket></Error>"
)


class UnreachableError(Exception):
    """Raised while relaying when the region has become unreachable."""


class Front:
    """Judges and relays requests."""

    def __init__(
        self, places: dict[str, str], rules: RuleFile, moto: str, record: Path, table: MultiRegionTable
    ) -> None:
        self.places = places
        self.rules = rules
        self.moto = moto.rstrip("/")
        self.record = record
        self.table = table
        self.bucket_regions: dict[str, str] = {}
        self.used_tickets: set[str] = set()
        self._session: ClientSession | None = None

    @property
    def session(self) -> ClientSession:
        """The connections to moto; made inside the running loop."""
        if self._session is None:
            self._session = ClientSession(
                connector=TCPConnector(limit=0, force_close=True),
                timeout=ClientTimeout(total=None),
                auto_decompress=False,
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
                read_bufsize=BUFFER,
            )
        return self._session

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request of one place."""
        assert request.transport is not None
        place = self.places[request.transport.get_extra_info("sockname")[0]]
        asked = requests.read(request.method, request.raw_path, request.headers)
        actual = await self.region_of(asked.bucket) if asked.bucket and not asked.about_bucket_itself else None
        region = asked.region or actual or requests.GLOBAL_REGION
        how = self.rules.now().verdict(place, region, asked.service)
        if how is not None:
            self.note(place, region, asked, self.rules.now().reason(place, region, asked.service) or how)
            return await self.withhold(request, how)
        if asked.bucket and actual and actual != region:
            text = WRONG_REGION.format(bucket=asked.bucket, region=actual)
            return web.Response(
                status=301, text=text, content_type="application/xml", headers={"x-amz-bucket-region": actual}
            )
        try:
            return await self.relay(request, asked, place, region)
        except UnreachableError:
            self.note(place, region, asked, "region lost while the request was under way")
            return await self.withhold(request, "refused")

    async def relay(self, request: web.BaseRequest, asked: Asked, place: str, region: str) -> web.StreamResponse:
        """Send the request on and its answer back, unless the region is lost meanwhile."""

        def check() -> None:
            if self.rules.now().verdict(place, region, asked.service) is not None:
                raise UnreachableError

        async def body() -> AsyncIterator[bytes]:
            async for chunk in request.content.iter_any():
                check()
                yield chunk

        if request.headers.get("Expect", "").lower() == "100-continue":
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        headers = CIMultiDict((k, v) for k, v in request.headers.items() if k.lower() not in HOP_BY_HOP)
        if "Authorization" in headers:
            headers["Authorization"] = self.table.authorization(asked, headers["Authorization"])
        url = URL(self.moto + request.raw_path, encoded=True)
        try:
            async with self.session.request(
                request.method,
                url,
                headers=headers,
                data=body() if request.body_exists else None,
                allow_redirects=False,
            ) as answer:
                check()
                if asked.operation == f"DELETE /{asked.bucket}":
                    self.bucket_regions.pop(asked.bucket or "", None)
                if drop := self.drop_for(place, asked):
                    self.note(place, region, asked, ANSWER_DROPPED, drop.ticket)
                    return await self.withhold(request, "refused")
                kept = [(k, v) for k, v in answer.headers.items() if k.lower() not in HOP_BY_HOP]
                response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=CIMultiDict(kept))
                await response.prepare(request)
                async for chunk in answer.content.iter_any():
                    check()
                    await response.write(chunk)
                await response.write_eof()
                return response
        except ClientError as error:
            # A generator's exception reaches us wrapped; a lost region is not moto's fault.
            check()
            sys.stderr.write(f"moto did not answer {asked.operation}: {error!r}\n")
            return await self.withhold(request, "refused")

    async def withhold(self, request: web.BaseRequest, how: str) -> web.StreamResponse:
        """`refused`: the connection is closed at once. `blackhole`: it is held until the client gives up."""
        if how == "blackhole":
            # Read what still comes in, or the end of the connection would never be seen behind it.
            async for _ in request.content.iter_any():
                pass
            await asyncio.Event().wait()
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=503)

    def drop_for(self, place: str, asked: Asked) -> Drop | None:
        """The unused order to lose this answer, now used."""
        for drop in self.rules.now().drops:
            wanted = (drop.service, drop.operation) == (asked.service, asked.operation) and drop.place in ("*", place)
            if wanted and drop.ticket not in self.used_tickets:
                self.used_tickets.add(drop.ticket)
                return drop
        return None

    async def region_of(self, bucket: str) -> str | None:
        """Where the bucket is, asked once; None when there is none. (An S3 endpoint knows its own region's only.)"""
        if bucket not in self.bucket_regions:
            async with self.session.get(f"{self.moto}/{bucket}?location") as answer:
                if answer.status != 200:
                    return None
                found = re.search(r"<LocationConstraint[^>]*>([^<]+)<", await answer.text())
                self.bucket_regions[bucket] = found[1] if found else "us-east-1"
        return self.bucket_regions[bucket]

    def note(self, place: str, region: str, asked: Asked, reason: str, ticket: str = "") -> None:
        """One line to the record, in one write."""
        entry = {"at": time.time(), "place": place, "region": region, "service": asked.service}
        entry |= {"operation": asked.operation, "reason": reason, "ticket": ticket}
        with self.record.open("a") as out:
            out.write(json.dumps(entry) + "\n")


async def serve(front: Front, port: int) -> None:
    """Listen on every place's address until the process ends."""
    server = web.Server(front.handle, handler_cancellation=True, access_log=None, read_bufsize=BUFFER)
    runner = web.ServerRunner(server)
    await runner.setup()
    for address in front.places:
        await web.TCPSite(runner, address, port, backlog=512).start()
    sys.stdout.write(f"process {os.getpid()} ready: {len(front.places)} fronts on port {port}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


def main(argv: list[str] | None = None) -> None:
    """Serve until SIGTERM, whose default action ends the process at once."""
    parser = argparse.ArgumentParser(prog="lab.aws.front", description=__doc__)
    parser.add_argument("--places", type=json.loads, required=True, help='JSON: {"listening address": "place"}')
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rules", type=Path, required=True)
    parser.add_argument("--moto", required=True, help="moto's URL")
    parser.add_argument("--record", type=Path, required=True, help="where attempts on the unreachable are appended")
    parser.add_argument("--table-home", default="us-west-2")
    parser.add_argument("--table-replicas", nargs="+", default=["us-east-1", "us-west-2"])
    options = parser.parse_args(argv)
    table = MultiRegionTable(options.table_home, frozenset(options.table_replicas))
    front = Front(options.places, RuleFile(options.rules), options.moto, options.record, table)
    asyncio.run(serve(front, options.port))


if __name__ == "__main__":
    main()

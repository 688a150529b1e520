"""The ingress controller's part: one HTTP address that routes by host and path to the ready Pods of a Service.

Reads the request's head only and closes the connection after each answer; bodies and answers pass as they are. How a
request is routed is a function, so that `lab.aws.load_balancer` routes by its own rules.
"""

import asyncio
import random
from collections.abc import Callable, Iterable

from lab.kubernetes.api import Object
from lab.kubernetes.endpoints import Target, backends

HEAD_BYTES, BODY_CHUNK_BYTES = 64 * 1024, 64 * 1024
HEAD_SECONDS, CONNECT_SECONDS = 15.0, 3.0

Objects = Callable[[], Iterable[Object]]
Find = Callable[[str, str], list[Target] | None]
"""Host and path → where the request may go; None when no rule matches."""
NOBODY, BROKEN = "503 Service Unavailable", "502 Bad Gateway"


class Router:
    """Sends on what arrives at one address. `silent` is the answer when none of the targets takes the connection."""

    def __init__(self, find: Find, *, silent: str = NOBODY) -> None:
        self._find, self._silent = find, silent

    async def listen(self, host: str, port: int) -> asyncio.Server:
        """Start to serve."""
        return await asyncio.start_server(self._handle, host, port, limit=HEAD_BYTES)

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(HEAD_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
            await self._route(head, reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            writer.transport.abort()
        finally:
            writer.close()

    async def _route(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = head.decode("latin-1").split("\r\n")[:-2]
        parts = lines[0].split(" ")
        if len(parts) != 3:
            return await _answer(writer, "400 Bad Request")
        headers = [line for line in lines[1:] if _name(line) not in ("connection", "keep-alive")]
        host = next((line.partition(":")[2].strip() for line in lines[1:] if _name(line) == "host"), "")
        found = self._find(host.partition(":")[0], parts[1].partition("?")[0])
        if found is None:
            return await _answer(writer, "404 Not Found")
        backend = await _connect(found)
        if backend is None:
            return await _answer(writer, self._silent if found else NOBODY)
        peer = writer.get_extra_info("peername")[0]
        forwarded = [lines[0], *headers, f"X-Forwarded-For: {peer}", "Connection: close", "", ""]
        backend[1].write("\r\n".join(forwarded).encode("latin-1"))
        await _relay((reader, writer), backend)
        return None


class Ingress(Router):
    """By the cluster's Ingresses. The callables give its current objects."""

    def __init__(self, ingresses: Objects, services: Objects, pods: Objects) -> None:
        super().__init__(self._by_rules)
        self._ingresses, self._services, self._pods = ingresses, services, pods

    def _by_rules(self, host: str, path: str) -> list[Target] | None:
        """Targets for a request, the longest path first; None when no rule matches."""
        matches: list[tuple[bool, int, str, Object]] = []
        for ingress in self._ingresses():
            for rule in ingress["spec"].get("rules", []):
                if rule.get("host") not in (None, "", host):
                    continue
                for entry in rule.get("http", {}).get("paths", []):
                    if _path_matches(entry, path):
                        exact = entry["pathType"] == "Exact"
                        namespace = ingress["metadata"]["namespace"]
                        matches.append((exact, len(entry.get("path", "/")), namespace, entry["backend"]))
        if not matches:
            return None
        _, _, namespace, backend = max(matches, key=lambda match: match[:2])
        return self._targets(namespace, backend.get("service", {}))

    def _targets(self, namespace: str, wanted: Object) -> list[Target]:
        for service in self._services():
            if (service["metadata"]["namespace"], service["metadata"]["name"]) != (namespace, wanted.get("name")):
                continue
            for port in service["spec"].get("ports", []):
                if wanted["port"].get("number") == port["port"] or (
                    port.get("name") and wanted["port"].get("name") == port["name"]
                ):
                    return backends(service, port, self._pods())
        return []


def _path_matches(entry: Object, path: str) -> bool:
    declared = entry.get("path") or "/"
    if entry["pathType"] == "Exact":
        return path == declared
    prefix = declared.rstrip("/")
    return path == prefix or path.startswith(f"{prefix}/")


def _name(line: str) -> str:
    return line.partition(":")[0].strip().lower()


async def _answer(writer: asyncio.StreamWriter, status: str) -> None:
    body = f"{status}\n"
    headers = ("Content-Type: text/plain", f"Content-Length: {len(body)}", "Connection: close")
    writer.write("\r\n".join([f"HTTP/1.1 {status}", *headers, "", body]).encode())
    await writer.drain()


async def _connect(targets: list[Target]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
    for host, port in random.sample(targets, len(targets)):
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await asyncio.open_connection(host, port)
        except (OSError, TimeoutError):
            continue
    return None


Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _relay(client: Stream, backend: Stream) -> None:
    """Pass the rest of the request and the whole answer; the answer's end is the end."""
    upload = asyncio.create_task(_copy(client[0], backend[1]))
    try:
        await _copy(backend[0], client[1])
    finally:
        upload.cancel()
        await asyncio.gather(upload, return_exceptions=True)
        backend[1].close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(BODY_CHUNK_BYTES):
        writer.write(data)
        await writer.drain()

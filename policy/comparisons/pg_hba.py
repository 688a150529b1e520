"""PostgreSQL's pg_hba.conf: who may connect to the database."""

import re
from collections.abc import Sequence

from policy.differences import unjudged
from policy.rule import Change, kind
from policy.values import words
from policy.verdict import Judgement, Verdict

_COMMENT = re.compile(r'("[^"]*")|#.*')
_MASK = re.compile(r"[0-9.]+|[0-9a-fA-F:]*:[0-9a-fA-F:.]*")


@kind()
def host_based_access(change: Change, reason: str) -> Sequence[Judgement]:
    """pg_hba.conf: a line that admits and was not there is weaker, so is a `reject` that goes; order decides."""
    if not isinstance(change.old, str) or not isinstance(change.new, str):
        return change.said(Verdict.UNJUDGED, reason)
    old, new = _lines(change.old), _lines(change.new)
    come, gone = [line for line in new if line not in old], [line for line in old if line not in new]
    if any(line.startswith(("include", "@")) for line in gone):
        return change.said(Verdict.UNJUDGED, f"{reason}; what another file says is not seen")
    weaker = [("-", words(line)) for line in come if not _rejects(line)]
    weaker += [(words(line), "-") for line in gone if _rejects(line)]
    if weaker:
        return [Judgement(Verdict.WEAKER, reason, old=before, new=after) for before, after in weaker]
    if [line for line in old if line in new] != [line for line in new if line in old]:
        return [unjudged((), "one order", "another", f"{reason}; the first line that fits decides")]
    if come or gone:
        return change.said(Verdict.STRONGER, "admits fewer")
    return change.said(Verdict.NEUTRAL, "admits the same")


def _lines(text: str) -> list[str]:
    """The lines that count, without comments and in one spelling."""
    bare = (_COMMENT.sub(r"\1", line) for line in text.replace("\\\n", "").split("\n"))
    return [" ".join(line.split()) for line in bare if line.strip()]


def _rejects(line: str) -> bool:
    """Whether the method says so. With a mask of its own, an address is two fields."""
    fields = line.split()
    place = 3 if fields[0] == "local" else 5 if len(fields) > 5 and _MASK.fullmatch(fields[4]) else 4
    return len(fields) > place and fields[place].strip('"') == "reject"

"""Labels and annotations: which keys only describe, and which some controller may act on. Secrets: which keys go."""

from collections.abc import Mapping, Sequence

from policy.differences import unjudged
from policy.rule import Change, kind
from policy.values import MISSING, mapping, words
from policy.verdict import Judgement, Verdict

# What people and their tools write to find things again; no controller that we know of acts on it.
_DESCRIBING = frozenset({"team", "owner", "cost-center", "contact", "description", "kubernetes.io/description"})
_PREFIXES = ("app.kubernetes.io/", "dr.ultramarket.com/", "prometheus.io/", "checksum/")
_CHECKSUMS = ("checksum", "-hash", "-digest")


@kind(blind=True)
def describing(change: Change, reason: str) -> Sequence[Judgement]:
    """A key that only describes is neutral. Any other may switch something on or off: a person has to know it."""
    key = change.path[-1].strip("[]") if change.path else ""
    plain = key.rpartition("/")[2]
    describes = key in _DESCRIBING or key.startswith(_PREFIXES)
    if describes or plain.startswith("checksum") or plain.endswith(_CHECKSUMS):
        return change.said(Verdict.NEUTRAL, reason)
    return change.said(Verdict.UNJUDGED, f"{reason} that some controller may act on: {words(key)}")


@kind(blind=True)
def renewed(change: Change, reason: str) -> Sequence[Judgement]:
    """The values of a Secret. Another one is as good; one that goes is missed by whoever reads it."""
    gone = [key for key in mapping(change.old) if key not in mapping(change.new)]
    if change.new is MISSING or (gone and isinstance(change.new, Mapping)):
        left = ", ".join(sorted(gone)) or "the value"
        return [unjudged((), left, "gone", "a secret was taken away: whoever reads it no longer finds it")]
    return change.said(Verdict.NEUTRAL, reason)

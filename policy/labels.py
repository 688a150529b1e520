"""What describes and what is acted on: labels and annotations, by their keys; a Secret, by its keys alone."""

from collections.abc import Mapping, Sequence

from policy.comparisons import said
from policy.rule import Change, Kind
from policy.values import MISSING, mapping, words
from policy.verdict import Judgement, Verdict
from policy.walk import unjudged

# What people and their tools write to find things again; no controller that we know of acts on it.
_DESCRIBING = frozenset({"team", "owner", "cost-center", "contact", "description", "kubernetes.io/description"})
_PREFIXES = ("app.kubernetes.io/", "dr.ultramarket.com/", "prometheus.io/", "checksum/")
_CHECKSUMS = ("checksum", "-hash", "-digest")


def describing() -> Kind:
    """A key that only describes is neutral. Any other may switch something on or off: a person has to know it."""

    def compare(change: Change, reason: str) -> Sequence[Judgement]:
        key = change.path[-1].strip("[]") if change.path else ""
        if describes(key):
            return said(change, Verdict.NEUTRAL, reason)
        return [unjudged((), change.old, change.new, f"{reason} that some controller may act on: {words(key)}")]

    return Kind("describing", compare, blind=True)


def describes(key: str) -> bool:
    """Whether nothing is known to act on labels and annotations of this key."""
    plain = key.rpartition("/")[2]
    return key in _DESCRIBING or key.startswith(_PREFIXES) or plain.startswith("checksum") or plain.endswith(_CHECKSUMS)


def renewed() -> Kind:
    """The values of a Secret. Another one is as good; one that goes is missed by whoever reads it."""

    def compare(change: Change, reason: str) -> Sequence[Judgement]:
        gone = [key for key in mapping(change.old) if key not in mapping(change.new)]
        if change.new is MISSING or (gone and isinstance(change.new, Mapping)):
            left = ", ".join(sorted(gone)) or "the value"
            return [unjudged((), left, "gone", "a secret was taken away: whoever reads it no longer finds it")]
        return said(change, Verdict.NEUTRAL, reason)

    return Kind("renewed", compare, blind=True)

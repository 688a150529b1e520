"""Policy documents of roles, buckets and keys, compared by what they allow and deny, not by how they are written."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from policy.comparisons.conditions import Conditions, implies, is_bound, lowered, read_conditions, text
from policy.comparisons.patterns import within
from policy.differences import unjudged
from policy.rule import Change, Kind
from policy.values import MISSING, Value, items, mapping, read_json
from policy.verdict import Judgement, Verdict
from recovery.access.conditions import LOCK_DAYS

_EVERYBODY = (("*", "*"), ("AWS", "*"))
_NEGATIVE = {"NotAction", "NotResource", "NotPrincipal"}
_ELEMENTS = {"Sid", "Effect", "Action", "Resource", "Principal", "Condition", *_NEGATIVE}
_NARROWED = "permission narrowed; see that the duty can still be done"
# How long a role may lock a copy for at most is compiled from the dataset's terms, as is the lock itself.
_LOCK_FOLLOWS = "follows from the term: how long a lock may be at most neither weakens nor strengthens by itself"


class NotAPolicy(ValueError):
    """Raised for text that is no policy document; its change cannot be judged."""


@dataclass(frozen=True, kw_only=True)
class Grant:
    """One action on one resource by one principal: what a statement's lists multiply out to."""

    action: str
    resource: str
    principal: tuple[str, str]
    conditions: Conditions

    def within(self, other: "Grant") -> bool:
        """Whether `other` covers every request that this one does."""
        return (
            within(self.action, other.action)
            and within(self.resource, other.resource)
            and (other.principal in _EVERYBODY or self.principal == other.principal)
            and implies(self.conditions, other.conditions)
        )

    @property
    def public(self) -> bool:
        """Whether anybody at all may use it."""
        return self.principal in _EVERYBODY and not is_bound(self.conditions)

    def words(self) -> str:
        """For people."""
        who = "" if self.principal == ("", "") else f" by {self.principal[1]}"
        on = f" on {self.resource}" if self.resource else ""
        return f"{self.action}{on}{who}" + (f" if {text(self.conditions)}" if self.conditions else "")


Weighed = tuple[Verdict, str]
Weigh = Callable[[Sequence[Grant], Sequence[Grant], bool], Weighed | None]
"""(what is lost, or newly denied; what is still allowed; whether it is a Deny) → what that means, None for stronger."""


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement. `opaque` is the text of one that has NotAction, NotResource or NotPrincipal."""

    sid: str
    deny: bool
    grants: tuple[Grant, ...]
    opaque: str = ""


def policy_document(weigh: Weigh = lambda *_: None) -> Kind:
    """Text with a policy document. A Deny that goes or narrows weakens; an Allow that comes or widens weakens.

    An Allow that goes and a Deny that comes strengthen, unless `weigh` says that something was needed.
    """
    return Kind("policy", lambda change, reason: _compare(change, reason, weigh))


def read_policy(value: Value) -> list[Statement]:
    """The statements of a document, which may be text. Raises NotAPolicy."""
    if value is MISSING:
        return []
    try:
        document = read_json(value) if isinstance(value, str) else value
    except ValueError:
        raise NotAPolicy("not JSON") from None
    if not isinstance(document, Mapping) or "Statement" not in document:
        raise NotAPolicy("no policy document: it has no Statement")
    return [_statement(raw, number) for number, raw in enumerate(items(document["Statement"]))]


def compare_statements(
    old: Sequence[Statement], new: Sequence[Statement], weigh: Weigh = lambda *_: None
) -> Iterator[Judgement]:
    """Every request that is newly allowed, no longer denied, newly denied or no longer allowed, a statement a line."""
    yield from _opaque(old, new)
    now = {statement.sid: "less" for statement in new}
    for sid, gone, _ in _uncovered(old, new, deny=True):
        yield Judgement(Verdict.WEAKER, "no longer denied", _words(gone), now.get(sid, "removed"), (f"[{sid}]",))
    for sid, fresh, _ in _uncovered(new, old, deny=False):
        public = "public access, " if any(grant.public for grant in fresh) else ""
        yield Judgement(Verdict.WEAKER, f"{public}permission widened", new=_words(fresh), path=(f"[{sid}]",))
    for sid, fresh, before in _uncovered(new, old, deny=True):
        meant = weigh(fresh, before, True) or (Verdict.STRONGER, "denied from now on")
        yield Judgement(*meant, new=_words(fresh), path=(f"[{sid}]",))
    for sid, gone, after in _uncovered(old, new, deny=False):
        if bounds := _shorter_lock(gone, after):
            yield Judgement(Verdict.NEUTRAL, _LOCK_FOLLOWS, f"{bounds[0]} d", f"{bounds[1]} d", (f"[{sid}]",))
        else:
            meant = weigh(gone, after, False) or (Verdict.STRONGER, _NARROWED)
            yield Judgement(*meant, _words(gone), now.get(sid, "removed"), (f"[{sid}]",))


def _compare(change: Change, reason: str, weigh: Weigh) -> Sequence[Judgement]:
    try:
        old, new = read_policy(change.old), read_policy(change.new)
    except NotAPolicy as error:
        return change.said(Verdict.UNJUDGED, f"{reason}; {error}")
    if MISSING not in (change.old, change.new) and _version(change.old) != _version(change.new):
        # Before 2012-10-17 a variable such as ${aws:PrincipalTag/team} is plain text.
        return change.said(Verdict.UNJUDGED, f"{reason}; another version of the policy language")
    found = list(compare_statements(old, new, weigh))
    if not found:
        return [Judgement(Verdict.NEUTRAL, "allows and denies the same, written differently")]
    return [replace(each, reason=f"{each.reason}: {reason}") if each.verdict.objection else each for each in found]


def _uncovered(
    ours: Sequence[Statement], theirs: Sequence[Statement], *, deny: bool
) -> Iterator[tuple[str, list[Grant], list[Grant]]]:
    """(Sid, grants that none of `theirs` covers, all of theirs) of each of our statements that has such grants."""
    others = [grant for statement in theirs if statement.deny == deny for grant in statement.grants]
    for statement in (each for each in ours if each.deny == deny):
        found = [grant for grant in statement.grants if not any(grant.within(other) for other in others)]
        if found:
            yield statement.sid, found, others


def _shorter_lock(gone: Sequence[Grant], after: Sequence[Grant]) -> tuple[str, str] | None:
    """The bounds before and after when each grant is still there and may only lock for less."""
    found = [
        {
            bounds
            for other in after
            if replace(other, conditions=grant.conditions) == grant
            and (bounds := lowered(grant.conditions, other.conditions, LOCK_DAYS))
        }
        for grant in gone
    ]
    one = set[tuple[str, str]]().union(*found)
    return one.pop() if all(found) and len(one) == 1 else None


def _opaque(old: Sequence[Statement], new: Sequence[Statement]) -> Iterator[Judgement]:
    before, after = ({(s.deny, s.opaque): s for s in found if s.opaque} for found in (old, new))
    for key in before.keys() ^ after.keys():
        statement = before.get(key) or after[key]
        was, now = (statement.opaque if key in found else MISSING for found in (before, after))
        yield unjudged((f"[{statement.sid}]",), was, now, "NotAction, NotResource and NotPrincipal are not compared")


def _words(grants: Sequence[Grant]) -> str:
    actions = sorted({grant.action for grant in grants})
    shown = ", ".join(actions[:3]) + (f" and {len(actions) - 3} more" if len(actions) > 3 else "")
    return shown if len(grants) > 1 else grants[0].words()


def _version(value: Value) -> Value:
    return mapping(json.loads(value) if isinstance(value, str) else value).get("Version", "2008-10-17")


def _statement(raw: Value, number: int) -> Statement:
    found = mapping(raw)
    if strange := set(found) - _ELEMENTS:
        raise NotAPolicy(f"statement {number + 1} has an element that no policy knows: {min(strange)}")
    effect = found.get("Effect")
    if effect not in ("Allow", "Deny"):
        raise NotAPolicy(f"statement {number + 1} neither allows nor denies")
    sid = str(found.get("Sid", f"statement {number + 1}"))
    if _NEGATIVE & set(found):
        unnamed = {key: value for key, value in found.items() if key != "Sid"}
        opaque = json.dumps(unnamed, sort_keys=True, default=str)
        return Statement(sid=sid, deny=effect == "Deny", grants=(), opaque=opaque)
    conditions = read_conditions(found.get("Condition", MISSING))
    actions = [str(action).lower() for action in items(found.get("Action", MISSING))]
    resources = [str(each) for each in items(found.get("Resource", MISSING))] or [""]
    grants = tuple(
        Grant(action=action, resource=resource, principal=principal, conditions=conditions)
        for action, resource, principal in product(actions, resources, _principals(found.get("Principal", MISSING)))
    )
    return Statement(sid=sid, deny=effect == "Deny", grants=grants)


def _principals(raw: Value) -> list[tuple[str, str]]:
    if raw is MISSING:
        return [("", "")]
    if not isinstance(raw, Mapping):
        return [("*", str(raw))]
    return [
        (str(kind), f"arn:aws:iam::{name}:root" if str(name).isdigit() else str(name))
        for kind, names in raw.items()
        for name in items(names)
    ]

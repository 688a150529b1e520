"""Removing an Allow or adding a Deny counts as stronger, but not when backups, replication or the lease need it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from policy.comparisons.documents import Grant, Weigh, Weighed, policy_document
from policy.comparisons.patterns import within
from policy.verdict import Verdict
from recovery.access.conditions import LOCK_DAYS

# Requests that no copy needs: those in plain text.
_HARMLESS = {("bool", "aws:securetransport"): frozenset({"false"})}
_REPLICATION = ("s3:replicateobject", "s3:getobjectversionforreplication")
_COPIES = (
    *_REPLICATION, "s3:replicatedelete", "s3:replicatetags", "s3:getreplicationconfiguration",
    "s3:objectowneroverridetobucketowner", "s3:putobject", "s3:putobjectretention", "s3:getobject",
    "s3:getobjectversion", "s3:listbucket",
)  # fmt: skip
_LEASE = ("dynamodb:getitem", "dynamodb:updateitem", "dynamodb:putitem")
_CRYPTO = ("kms:decrypt", "kms:generatedatakey")
_KEYS = (*_CRYPTO, "kms:encrypt", "kms:reencryptfrom", "kms:reencryptto", "kms:generatedatakeywithoutplaintext")
_KEY_CARE = ("kms:putkeypolicy", "kms:enablekey", "kms:cancelkeydeletion", "kms:creategrant", "kms:describekey")


def _needs(*others: str, always: tuple[str, ...] = ()) -> Weigh:
    """Losing an action of `always` is weaker, one of replication if the policy names it; a person judges `others`."""
    actions = dict.fromkeys((*_REPLICATION, *always, *others))

    def weigh(grants: Sequence[Grant], after: Sequence[Grant], deny: bool) -> Weighed | None:
        """What it means that `grants` are lost (the policy still allows `after`), or are denied from now on."""
        needed = [(grant, action) for grant in grants for action in actions if within(action, grant.action)]
        taken = [each for each in needed if dict(each[0].conditions) != _HARMLESS] if deny else [*_lost(needed, after)]
        if not taken:
            return None
        verdict = Verdict.WEAKER if any(stops(*each) for each in taken) else Verdict.UNJUDGED
        shown = ", ".join(sorted({action for _, action in taken})[:3])
        who = "the lease" if any(action in _LEASE for _, action in taken) else "copies"
        return verdict, f"{who} may need {shown}, {'denied' if deny else 'no longer allowed'}"

    def stops(grant: Grant, action: str) -> bool:
        """A condition that came may be true for whoever copies, which a person has to see."""
        named = action in _REPLICATION and not within("s3:getobject", grant.action)
        return not grant.conditions and (named or action in always)

    return weigh


def _lost(needed: Sequence[tuple[Grant, str]], others: Sequence[Grant]) -> Iterator[tuple[Grant, str]]:
    """What is left under narrower conditions has them, what is gone has none."""
    after = [_unbound(grant) for grant in others]
    for grant, action in needed:
        one = replace(_unbound(grant), action=action)
        if not grant.public and not any(one.within(other) for other in after):
            plain = replace(one, conditions={})
            left = [other for other in after if plain.within(replace(other, conditions={}))]
            yield replace(grant, conditions=left[0].conditions if left else {}), action


def _unbound(grant: Grant) -> Grant:
    """Whether a copy may be locked at all counts here; for how long is judged where it is compared."""
    return replace(grant, conditions={key: values for key, values in grant.conditions.items() if key[1] != LOCK_DAYS})


def _trust(grants: Sequence[Grant], _others: Sequence[Grant], deny: bool) -> Weighed | None:
    """Services that copy do so by a role of ours."""
    if deny or any(grant.principal[0] in ("Service", "Federated") for grant in grants):
        return Verdict.UNJUDGED, "whoever does the duty may no longer take the role"
    return None


BUCKET_POLICY = policy_document(_needs(*_COPIES))
KEY_POLICY = policy_document(_needs(*_KEYS, *_KEY_CARE, always=_CRYPTO))
"""Nobody reads a copy that he may not decrypt."""
ROLE_POLICY = policy_document(_needs(*_COPIES, *_KEYS, always=_LEASE))
"""A guard that cannot renew the lease closes its gate, and without the table nobody promotes."""
TRUST_POLICY = policy_document(_trust)
"""Who may take a role."""

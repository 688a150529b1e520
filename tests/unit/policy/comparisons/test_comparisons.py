"""Policies, lifecycles and admissions, compared by what they do."""

import json
from typing import Any

import pytest

from policy.comparisons.documents import compare_statements, policy_document, read_policy
from policy.comparisons.lifecycle import lifecycle
from policy.comparisons.pg_hba import host_based_access
from policy.comparisons.schedules import runs_and_pause
from policy.comparisons.ways import network_policy
from policy.verdict import Verdict
from recovery.access.buckets import backup_bucket_policy
from tests.support.policy_documents import DELETES, MFA, UNLESS, UNLESS_TWO, allow, ask, deny, elsewhere, policy, source
from tests.support.review_cases import C, N, S, W, document


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ([deny()], [], [W]),
        ([deny(resources="arn:aws:s3:::b/*")], [deny(resources="arn:aws:s3:::b/??")], [W]),
        ([deny("s3:*")], [deny("s3:??")], [W]),
        ([deny(Condition=elsewhere("10.0.0.0/8"))], [deny(Condition=elsewhere("10.1.0.0/16"))], [S]),
        ([deny(Condition=elsewhere("10.1.0.0/16"))], [deny(Condition=elsewhere("10.0.0.0/8"))], [W]),
        ([], [deny()], [S]),
        ([deny()], [deny(DELETES[:1])], [W]),
        ([deny()], [deny("s3:*")], [S]),
        ([deny()], [deny(Condition=UNLESS)], [W]),
        ([deny(Condition=UNLESS)], [deny()], [S]),
        ([deny(Condition=UNLESS)], [deny(Condition=UNLESS_TWO)], [W]),
        ([allow()], [allow(["s3:GetObject", "s3:PutObject"])], [W]),
        ([allow()], [allow("s3:Get*")], [W]),
        ([allow("s3:*")], [allow()], [S]),
        ([allow()], [allow(resources="*")], [W]),
        ([allow()], [allow(resources="arn:aws:s3:::b/postgres/*")], [S]),
        ([allow()], [allow(resources=["arn:aws:s3:::b/*", "arn:aws:s3:::c/*"])], [W]),
        ([allow(Principal={"AWS": "arn:aws:iam::1:role/a"})], [allow(Principal={"AWS": "*"})], [W]),
        ([allow(Principal={"AWS": "123456789012"})], [allow(Principal={"AWS": "arn:aws:iam::123456789012:root"})], [N]),
        ([allow(Condition=MFA)], [allow()], [W]),
        ([allow()], [allow(Condition=MFA)], [S]),
        ([allow(Condition=source("10.0.0.0/24"))], [allow(Condition=source("10.0.0.0/8"))], [W]),
        ([allow(Condition=source("10.0.0.0/8"))], [allow(Condition=source("10.0.0.0/24"))], [S]),
        ([allow(Condition={"StringEquals": {"k": ["a", "b"]}})], [allow(Condition={"StringEquals": {"k": "a"}})], [S]),
        ([allow(Condition={"StringEquals": {"k": "a"}})], [allow(Condition={"StringEqualsIfExists": {"k": "a"}})], [W]),
        ([allow(Condition={"StringEqualsIfExists": {"k": "a"}})], [allow(Condition={"StringEquals": {"k": "a"}})], [S]),
        ([allow(Condition={"NumericLessThan": {"k": "5"}})], [allow(Condition={"NumericLessThan": {"k": 9}})], [W]),
        ([allow(Condition={"NumericLessThan": {"k": "9"}})], [allow(Condition={"NumericLessThan": {"k": 5}})], [S]),
        ([deny(Condition={"NumericGreaterThan": {"k": "9"}})], [deny(Condition={"NumericGreaterThan": {"k": 5}})], [S]),
        ([deny(Condition={"NumericGreaterThan": {"k": "5"}})], [deny(Condition={"NumericGreaterThan": {"k": 9}})], [W]),
        ([deny(Condition={"Bool": {"k": "false"}})], [deny(Condition={"Bool": {"k": False}})], [N]),
        ([allow(Condition={"NumericEquals": {"k": "5"}})], [allow(Condition={"NumericEquals": {"k": 9}})], [W, S]),
        ([allow(Condition={"NumericLessThan": {"k": "x"}})], [allow(Condition={"NumericLessThan": {"k": 9}})], [W, S]),
        ([allow()], [{**allow(), "Effect": "Deny"}], [S, S]),
        ([deny()], [{"Effect": "Deny", "NotPrincipal": "*", "Action": "*", "Resource": "*"}], [C, W]),
        ([allow(["s3:GetObject", "s3:PutObject"])], [allow("s3:putobject"), allow("s3:GetObject", Condition={})], [N]),
    ],
)  # fmt: skip
def test_a_policy_is_compared_statement_by_statement(
    old: list[dict[str, Any]], new: list[dict[str, Any]], expected: list[Verdict]
) -> None:
    assert policy(old, new) == expected


def test_a_policy_written_differently_is_neutral() -> None:
    found = backup_bucket_policy("b", "arn:aws:kms:us-west-2:1:key/a", "arn:aws:iam::1:role/break-glass")
    other = json.loads(json.dumps(found))
    other["Statement"].reverse()
    for each in other["Statement"]:
        each["Sid"] += "Renamed"
        each["Resource"] = each["Resource"][0] if len(each["Resource"]) == 1 else each["Resource"]
    assert [f.verdict for f in ask(policy_document(), json.dumps(found), json.dumps(other, indent=4))] == [N]


@pytest.mark.parametrize("number", range(6))
def test_each_deny_of_the_backup_bucket_is_missed_when_it_goes(number: int) -> None:
    whole = backup_bucket_policy("b", "arn:aws:kms:us-west-2:1:key/a", "arn:aws:iam::1:role/break-glass")
    gone = whole["Statement"][number]
    less = {**whole, "Statement": [each for each in whole["Statement"] if each is not gone]}
    found = ask(policy_document(), json.dumps(whole), json.dumps(less))
    assert [(each.verdict, each.path) for each in found] == [(W, (f"[{gone['Sid']}]",))]
    assert found[0].new == "removed"


def test_an_allow_to_everybody_is_called_public_access() -> None:
    found = list(compare_statements([], read_policy(document(allow(Principal="*")))))
    assert found[0].reason == "public access, permission widened"
    bound = allow(Principal="*", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/24"}})
    assert "public" not in next(compare_statements([], read_policy(document(bound)))).reason


LOCK_DAYS = "s3:object-lock-remaining-retention-days"
KEYS = [{"Condition": {"NumericLessThan": {"s3:max-keys": most}}} for most in ("5", "4")]
BUCKETS = ["arn:aws:s3:::a/*", "arn:aws:s3:::b/*"]


def lock(days: Any, operator: str = "NumericLessThanEquals", resources: Any = BUCKETS, **more: Any) -> dict[str, Any]:
    condition = {operator: {LOCK_DAYS: days}, **more}
    return allow("s3:PutObjectRetention", resources, Sid="LockCopies", Condition=condition)


@pytest.mark.parametrize(("operator", "most"), [("NumericLessThanEquals", "at most"), ("NumericLessThan", "under")])
def test_a_shorter_lock_is_told_in_days_as_what_follows_from_the_term(operator: str, most: str) -> None:
    (found,) = ask(policy_document(), document(lock("31", operator)), document(lock("21", operator)))
    assert (found.verdict, found.path) == (N, ("[LockCopies]",))
    assert (found.old, found.new) == (f"{most} 31 d", f"{most} 21 d")
    assert "follows from the term" in found.reason


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (lock("21"), lock("31"), [W]),
        (lock("31"), lock("21", resources=BUCKETS[:1]), [S]),
        (lock("31"), lock("21", "NumericLessThanEquals", BUCKETS, **MFA), [S]),
        (lock("31"), lock("21", "NumericLessThan"), [W, S]),
        (lock("21", "NumericGreaterThan"), lock("31", "NumericGreaterThan"), [S]),
        (lock("31"), lock("soon"), [W, S]),
        (lock("31", resources=BUCKETS[:1]), lock("21"), [W, N]),
        (lock("31") | {"Effect": "Deny"}, lock("21") | {"Effect": "Deny"}, [W]),
        (lock("31") | KEYS[0], lock("31") | KEYS[1], [S]),
    ],
)
def test_nothing_but_a_lower_bound_on_locks_follows_from_the_term(
    old: dict[str, Any], new: dict[str, Any], expected: list[Verdict]
) -> None:
    assert policy([old], [new]) == expected


def rule(prefix: str = "", **more: Any) -> dict[str, Any]:
    return {"id": prefix or "all", "status": "Enabled", "filter": {"prefix": prefix}, **more}


def undo(days: int) -> dict[str, Any]:
    return {"noncurrentVersionExpiration": {"noncurrentDays": days}}


def aborted(days: int) -> dict[str, Any]:
    return {"abortIncompleteMultipartUpload": {"daysAfterInitiation": days}}


def moved_later(days: int, **more: Any) -> dict[str, Any]:
    return {"noncurrentVersionTransitions": [{"noncurrentDays": days, "storageClass": "DEEP_ARCHIVE", **more}]}


def moved(days: int) -> dict[str, Any]:
    return {"days": days, "storageClass": "GLACIER"}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ([rule(**undo(30))], [rule(**undo(7))], [W]),
        ([rule(**undo(7))], [rule(**undo(30))], [S]),
        ([rule(**undo(30))], [], [S]),
        ([rule(**undo(30))], [rule(**undo(30)), rule("postgres/", **undo(3))], [W]),
        ([rule(**undo(30))], [rule(**undo(30)), rule("postgres/", **undo(90))], [N]),
        ([rule(**undo(30)), rule("postgres/", **undo(3))], [rule(**undo(30))], [S]),
        ([rule(**undo(30))], [rule(expiration={"days": 365}, **undo(30))], [W]),
        ([rule(expiration={"days": 30})], [{**rule(expiration={"days": 30}), "status": "Disabled"}], [S]),
        ([rule()], [rule(transitions=[{"days": 30, "storageClass": "GLACIER"}])], [W]),
        ([rule(transitions=[moved(30)])], [rule(transitions=[moved(90)])], [S]),
        ([rule()], [rule(transitions=[{"days": 30, "storageClass": "STANDARD_IA"}])], [N]),
        ([rule()], [rule(transitions=[{"days": 30, "storageClass": "ONEZONE_IA"}])], [W]),
        ([rule()], [rule(transitions=[{"storageClass": "ONEZONE_IA"}])], [W]),
        ([rule()], [rule(**moved_later(30, storageClass="ONEZONE_IA"))], [W]),
        ([rule(**moved_later(30, storageClass="ONEZONE_IA"))], [rule()], [S]),
        ([rule()], [rule(transitions=[{"days": 30, "storageClass": "REDUCED_REDUNDANCY"}])], [C]),
        ([rule()], [rule(**moved_later(30, storageClass="SNOW"))], [C]),
        ([rule()], [rule(**aborted(2))], [S]),
        ([rule(**aborted(2))], [rule()], [W]),
        ([rule(**aborted(2))], [], [W]),
        ([rule(**aborted(2))], [rule(**aborted(7))], [N]),
        ([rule()], [rule(**moved_later(30))], [W]),
        ([rule(**moved_later(30))], [rule(**moved_later(7))], [W]),
        ([rule(**moved_later(30))], [rule()], [S]),
        ([rule()], [rule(**moved_later(30, newerNoncurrentVersions=1))], [C]),
        ([rule()], [{**rule(), "filter": {"tag": {"key": "a", "value": "b"}}}], [C]),
        ([rule("a/", **undo(3))], [{**rule(**undo(3)), "filter": {}, "prefix": "a/"}], [W]),
        ([rule("a/", **undo(3))], [{**undo(3), "prefix": "a/"}], [N]),
        ([rule()], [rule(expiration={"date": "2027-01-01"})], [C]),
        ([rule()], [rule(noncurrentVersionExpiration={"noncurrentDays": 3, "newerNoncurrentVersions": 2})], [C]),
    ],
)  # fmt: skip
def test_a_lifecycle_is_compared_by_when_objects_end(
    old: list[dict[str, Any]], new: list[dict[str, Any]], expected: list[Verdict]
) -> None:
    assert [found.verdict for found in ask(lifecycle, old, new)] == expected


def closed(*peers: dict[str, Any], **more: Any) -> dict[str, Any]:
    spec: dict[str, Any] = {"podSelector": {"matchLabels": {"app": "db"}}, "policyTypes": ["Ingress"]}
    return {**spec, "ingress": [{"from": list(peers), "ports": [{"port": 5432}]}], **more}


def pods(*names: str) -> dict[str, Any]:
    return {"podSelector": {"matchExpressions": [{"key": "component", "operator": "In", "values": list(names)}]}}


def both(exactly: str, *names: str) -> dict[str, Any]:
    """Pods that fit both ways of saying it."""
    return {"podSelector": {"matchLabels": {"component": exactly}, **pods(*names)["podSelector"]}}


def over(protocol: str) -> list[dict[str, Any]]:
    return [{"from": [pods("gate")], "ports": [{"port": 5432, "protocol": protocol}]}]


def block(cidr: str) -> dict[str, Any]:
    return {"ipBlock": {"cidr": cidr}}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (closed(pods("gate")), closed(pods("gate", "app")), [W]),
        (closed(pods("gate", "app")), closed(pods("gate")), [S]),
        (closed(pods("gate", "app")), closed(pods("app", "gate")), [N]),
        (closed(pods("gate")), closed(pods("gate"), block("10.0.0.0/8")), [W]),
        (closed(block("10.0.0.0/8")), closed(block("10.1.0.0/16")), [S]),
        (closed(pods("gate")), closed(), [W]),
        (closed(pods("gate")), closed({"podSelector": {}}), [W]),
        (closed(pods("gate")), closed(pods("gate"), ingress=[{"from": [pods("gate")]}]), [W]),
        (closed(pods("gate")), closed(pods("gate"), ingress=[]), [S]),
        (closed(pods("gate")), closed(pods("gate"), policyTypes=["Egress"]), [W, S]),
        (closed(pods("gate")), closed(pods("gate"), policyTypes=["Ingress", "Egress"]), [S]),
        (closed(pods("gate")), closed(pods("gate"), podSelector={"matchLabels": {"app": "other"}}), [W]),
        (closed(pods("gate")), closed(pods("gate"), podSelector={}), [C]),
        (closed(ingress=[]), closed(ingress=[], podSelector={}), [S]),
        (closed(pods("gate")), closed(pods("gate"), endPort=1), [C]),
        (closed(pods("gate")), closed(pods("gate"), ingress=over("TCP")), [N]),
        (closed(pods("gate")), closed(pods("gate"), ingress=over("UDP")), [W]),
        (closed(pods("gate", "app")), closed(both("gate", "gate", "app")), [S]),
        (closed(both("gate", "gate", "app")), closed(pods("gate", "app")), [W]),
        (closed(both("gate", "app")), closed(pods("gate")), [W]),
        (closed(pods("gate")), closed(both("gate", "app")), [S]),
    ],
)
def test_a_network_policy_is_compared_by_who_gets_through(
    old: dict[str, Any], new: dict[str, Any], expected: list[Verdict]
) -> None:
    assert [found.verdict for found in ask(network_policy, old, new)] == expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("host a b 10.0.0.0/28 trust\n", "# note\nhost  a b 10.0.0.0/28 trust\n", [N]),
        ("host a all all reject\n", "", [W]),
        ("", "host a all all reject\n", [S]),
        ("host a b 10.0.0.0/28 trust\n", "", [S]),
        ("", "host a b 10.0.0.0/28 trust\n", [W]),
        ("", "host a b 0.0.0.0/0 trust # not reject\n", [W]),
        ("", "host a b 0.0.0.0 0.0.0.0 trust\n", [W]),
        ("", "host a b 0.0.0.0/0 pam pamservice=a reject\n", [W]),
        ("", "host a b 0.0.0.0 0.0.0.0 reject # nobody\n", [S]),
        ("", "local a b reject\n", [S]),
        ("host a b all reject # nobody\n", "host a b all reject\n", [N]),
        ("host a b all reject\n", "# host a b all reject\n", [W]),
        ("", "# note\u2028host all all all reject\n", [N]),
        ('host "a#b" b all trust\n', 'host "a#c" b all trust\n', [W]),
        ("include other.conf\n", "", [C]),
        ("host a all all reject\nhost b all all trust\n", "host b all all trust\nhost a all all reject\n", [C]),
    ],
)
def test_what_the_database_admits_is_compared_line_by_line(old: str, new: str, expected: list[Verdict]) -> None:
    assert [found.verdict for found in ask(host_based_access, old, new)] == expected


@pytest.mark.parametrize(
    ("cron", "runs", "pause_hours"),
    [("0 2 * * *", 365, 24), ("*/15 * * * *", 35040, 0.25), ("0 2 * * 0", 52, 168), ("0 0 1 1 *", 1, 8760)],
)
def test_a_schedule_is_counted_over_a_year(cron: str, runs: int, pause_hours: float) -> None:
    found = runs_and_pause(cron)
    assert found is not None
    assert (found[0], found[1].total_seconds() / 3600) == (runs, pause_hours)

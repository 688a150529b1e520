"""Whole previews: what is said of resources that come, go, are replaced, or only lose an option."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.absolute.rules import ABSOLUTE_RULES, Resource, violations
from policy.review.preview import UnreadablePreview, parse
from policy.review.review import review
from policy.rules.by_type import LIVES, known_types
from policy.verdict import Finding, Verdict
from tests.support.review_cases import DATA, DENIES, IMAGE, UNDECLARED, C, D, N, S, W, document, statement
from tests.support.review_preview import SECRET, UNKNOWN, preview, stack_step, state, step, urn
from tests.support.stacks import declare

BUCKET, TABLE, ROLE = "aws:s3/bucket:Bucket", "aws:dynamodb/table:Table", "aws:iam/role:Role"
PERMISSION, POLICY = "aws:iam/rolePolicy:RolePolicy", "aws:s3/bucketPolicy:BucketPolicy"
BLOCK, RECORD = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "aws:route53/record:Record"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
BINDING, NETWORK = (
    "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding",
    "kubernetes:networking.k8s.io/v1:NetworkPolicy",
)
CONFIG, CRON_JOB = "kubernetes:core/v1:ConfigMap", "kubernetes:batch/v1:CronJob"
CLOSED = {"blockPublicAcls": True, "blockPublicPolicy": True, "ignorePublicAcls": True, "restrictPublicBuckets": True}


def look(*steps: dict[str, Any], **more: Any) -> list[Finding]:
    return review([parse(preview(*steps, **more), source="preview.json")])


def said(*steps: dict[str, Any], **more: Any) -> list[tuple[str, Verdict]]:
    return [(found.property, found.verdict) for found in look(*steps, **more)]


@pytest.mark.parametrize("kind", sorted(DATA))
@pytest.mark.parametrize("op", ["delete", "replace", "create-replacement", "delete-replaced", "import-replacement"])
def test_what_holds_data_is_neither_deleted_nor_replaced(kind: str, op: str) -> None:
    assert D in {verdict for _, verdict in said(step(op, kind, "it", {}, None if op == "delete" else {}))}


@pytest.mark.parametrize("kind", sorted(known_types() | {"random:index/thing:Thing"}))
def test_no_deletion_is_passed_in_silence(kind: str) -> None:
    assert all(verdict.objection for _, verdict in said(step("delete", kind, "it", {"a": 1})))


@pytest.mark.parametrize("stack", ["foundation", "prod", "dr"])
def test_every_type_that_a_stack_declares_is_guarded(stack: str) -> None:
    """Without an entry nothing is passed in silence either: it could only never be judged."""
    kinds = {each.type for each in declare(stack) if each.type.startswith(("aws:", "kubernetes:"))}
    assert kinds - known_types() == set()
    assert kinds - set(LIVES) == set()


def test_every_type_with_a_life_has_rules() -> None:
    assert set(LIVES) <= known_types()


def test_a_deletion_of_something_retained_says_that_it_stays() -> None:
    gone = step("delete", BUCKET, "it", {}) | {"oldState": state({}, retainOnDelete=True)}
    assert look(gone)[0].reason.endswith("nothing looks after it")


def test_a_replacement_in_several_steps_is_one_resource() -> None:
    steps = [
        step("create-replacement", TABLE, "it", {"name": "a"}, {"name": "b"}),
        step("replace", TABLE, "it", {"name": "a"}, {"name": "b"}),
        step("delete-replaced", TABLE, "it", {"name": "a"}),
    ]
    assert said(*steps) == [("name", D), ("replacement", D), ("protect", W)]


@pytest.mark.parametrize("op", ["update", "create", "same"])
@pytest.mark.parametrize("last", [False, True])
def test_a_deletion_is_not_hidden_by_another_step_of_the_same_resource(op: str, last: bool) -> None:
    """Pulumi deletes what an interrupted update left pending deletion, beside the resource that took its place."""
    pending = step("delete", TABLE, "it", {"name": "a"})
    other = step(op, TABLE, "it", None if op == "create" else {"name": "b"}, {"name": "b", "tags": {"c": "d"}})
    steps = (other, pending) if last else (pending, other)
    found = look(*steps)
    assert [each.verdict for each in found if each.op == "delete"] == [D]
    if op != "same":
        assert [each for each in found if each.op == op]


def test_a_protected_replacement_is_still_destructive() -> None:
    one = step("replace", TABLE, "it", {"name": "a"}, {"name": "a"})
    one["oldState"]["protect"] = one["newState"]["protect"] = True
    assert said(one) == [("replacement", D)]


@pytest.mark.parametrize("option", ["protect", "retainOnDelete"])
@pytest.mark.parametrize("op", ["same", "update"])
def test_a_protection_flag_that_goes_is_seen_when_nothing_else_changes(op: str, option: str) -> None:
    one = step(op, ROLE, "it", {"name": "a"}, {"name": "a"})
    one["oldState"][option] = True
    assert said(one) == [(option, W)]
    one["oldState"], one["newState"] = one["newState"], one["oldState"]
    assert said(one) == [(option, S)]


def test_changes_that_will_no_longer_be_seen_cannot_be_judged() -> None:
    one = step("same", ROLE, "it", {}, {})
    one["newState"]["ignoreChanges"] = ["policy"]
    assert said(one) == [("ignoreChanges", C)]


def test_another_provider_cannot_be_judged_but_a_new_id_of_the_same_is_nothing() -> None:
    one = step("update", ROLE, "it", {"tags": {"c": "d"}}, {"tags": {"a": "b"}})
    one["oldState"]["provider"], one["newState"]["provider"] = "urn:a::old-id", "urn:a::new-id"
    assert said(one) == [("tags", N)]
    one["newState"]["provider"] = "urn:b::new-id"
    assert said(one) == [("provider", C), ("tags", N)]


def test_an_unknown_type_cannot_be_judged_whatever_happens_to_it() -> None:
    kind = "random:index/thing:Thing"
    assert said(step("create", kind, "it", None, {})) == [("creation", C)]
    assert said(step("update", kind, "it", {}, {"a": 1})) == [("update", C)]
    assert said(step("replace", kind, "it", {}, {"a": 1})) == [("replacement", C), ("replacement", C)]


@pytest.mark.parametrize("kind", UNDECLARED)
def test_a_type_that_no_stack_declares_is_for_a_person_whatever_happens_to_it(kind: str) -> None:
    inputs = {"name": "it", "protocol": "HTTPS"}
    for one in (
        step("create", kind, "it", None, inputs),
        step("update", kind, "it", inputs, {**inputs, "name": "another"}),
        step("replace", kind, "it", inputs, {**inputs, "name": "another"}),
        step("delete", kind, "it", inputs),
    ):
        assert {verdict for _, verdict in said(one)} - {W} == {C}


def test_a_component_is_judged_by_what_is_in_it() -> None:
    one = step("create", "ultramarket:dr:Thing", "it", None, {})
    one["newState"]["custom"] = False
    assert said(one) == []


def test_an_operation_nobody_knows_cannot_be_judged() -> None:
    assert said(step("teleport", ROLE, "it", {}, {})) == [("teleport", C)]


def test_an_update_without_states_or_without_a_difference_cannot_be_judged() -> None:
    assert said(step("update", ROLE, "it")) == [("update", C)]
    assert said(step("update", ROLE, "it", {"a": 1}, {"a": 1})) == [("update", C)]


def test_a_value_not_known_yet_cannot_be_judged_even_where_it_was_missing() -> None:
    assert said(step("update", PERMISSION, "it", {"policy": DENIES}, {"policy": UNKNOWN})) == [("policy", C)]
    assert said(step("update", PERMISSION, "it", {}, {"policy": UNKNOWN})) == [("policy", C)]


def test_a_secret_that_changed_is_named_and_never_shown() -> None:
    kind = "kubernetes:core/v1:Secret"
    marked = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "plaintext": '"hunter2"'}
    for value in (SECRET, marked):
        inputs = {"stringData": {"password": value}}
        found = look(
            step("update", kind, "it", inputs, inputs, detailedDiff={"stringData.password": {"kind": "update"}})
        )
        assert [(f.property, f.verdict) for f in found] == [("stringData.password", N)]
        assert "hunter2" not in repr(found)
    inputs = {"policy": SECRET}
    changed = step("update", PERMISSION, "it", inputs, inputs, diffReasons=["policy"])
    assert said(changed) == [("policy", C)]


def test_what_somebody_changed_by_hand_is_judged_from_the_outputs() -> None:
    one = step("update", TABLE, "it", {"name": "a"}, {"name": "a"}, detailedDiff={"deletionProtectionEnabled": {}})
    one["oldState"] |= {"protect": True, "outputs": {"deletionProtectionEnabled": True}}
    one["newState"] |= {"protect": True, "outputs": {"deletionProtectionEnabled": False}}
    assert said(one) == [("deletionProtectionEnabled", W)]
    one["newState"]["outputs"] = one["oldState"]["outputs"]
    assert said(one) == [("deletionProtectionEnabled", C)]


def test_a_preview_that_failed_does_not_pass() -> None:
    found = look(diagnostics=[{"severity": "error", "message": "boom"}, {"severity": "warning", "message": "hm"}])
    assert [(f.name, f.verdict, f.new) for f in found] == [("prod", C, "boom")]


def new(kind: str, inputs: dict[str, Any], name: str = "it", **more: Any) -> dict[str, Any]:
    return step("create", kind, name, None, inputs, **more) | {"newState": state(inputs, protect=True, parent="p")}


EVERYBODY = document(statement("Allow", "s3:GetObject", Principal="*"))
READS = document(statement("Allow", "s3:GetObject"))
ANYBODY = document({"Effect": "Allow", "Principal": {"AWS": ["*"]}, "Action": "sts:AssumeRole"})
KUBERNETES_ROLE = "kubernetes:rbac.authorization.k8s.io/v1:Role"


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([new(ROLE, {"name": "r"})], {N}),
        ([new(ROLE, {"name": "r", "assumeRolePolicy": ANYBODY})], {W}),
        ([new(KUBERNETES_ROLE, {"rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["*"]}]})], {W}),
        ([new(ROLE, {"name": "r"}), new(PERMISSION, {"role": "r", "policy": READS})], {N}),
        ([new(ROLE, {"name": "r"}), new(PERMISSION, {"role": UNKNOWN, "policy": READS})], {N}),
        ([new(ROLE, {"name": "r"}), new(PERMISSION, {"role": "r", "policy": UNKNOWN})], {N, C}),
        ([new(PERMISSION, {"role": "r", "policy": READS})], {W}),
        ([new(POLICY, {"bucket": "b", "policy": DENIES})], {C}),
        ([new(POLICY, {"bucket": "b", "policy": EVERYBODY})], {W}),
        ([new(BUCKET, {"bucket": "b"}), new(BLOCK, {"bucket": "b", **CLOSED})], {N}),
        ([new(BUCKET, {"bucket": "b"})], {W}),
        ([new(BUCKET, {"bucket": "b"}), new(BLOCK, {"bucket": "b"})], {N, W}),
        ([new(ATTACHMENT, {"role": "r", "policyArn": "arn:aws:iam::aws:policy/Small"})], {W}),
        ([new(ROLE, {"name": "r"}), new(ATTACHMENT, {"role": "r", "policyArn": "arn:aws:iam::aws:policy/Small"})], {N}),
        (
            [new(ROLE, {"name": "r"}), new(ATTACHMENT, {"role": "r", "policyArn": "arn:…/AdministratorAccess"})],
            {N, W},
        ),
        ([new(RECORD, {"failoverRoutingPolicies": [{"type": "SECONDARY"}], "healthCheckId": "x"})], {C, W}),
        ([new(BINDING, {"roleRef": {"name": "r"}, "subjects": [{"name": "system:anonymous"}]})], {W}),
        ([new(BINDING, {"roleRef": {"name": "r"}, "subjects": [{"name": "somebody"}]})], {W}),
        ([new(NETWORK, {"spec": {"policyTypes": ["Ingress"]}})], {N}),
        ([new(NETWORK, {"spec": {"ingress": [{}]}})], {W}),
        ([new(NETWORK, {"spec": {"ingress": [{"from": [{"podSelector": {}}]}]}})], {C}),
        ([new("aws:eks/accessEntry:AccessEntry", {"clusterName": "c", "principalArn": "a"})], {W}),
        ([new("aws:eks/accessPolicyAssociation:AccessPolicyAssociation", {"policyArn": "a"})], {W}),
    ],
)
def test_something_new_is_neutral_unless_it_weakens(steps: list[dict[str, Any]], expected: set[Verdict]) -> None:
    assert {verdict for _, verdict in said(*steps)} == expected


CLUSTER_ROLE = "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole"
READ_PODS = {"metadata": {"name": "r"}, "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}
BOUND = {"roleRef": {"name": "r"}, "subjects": [{"name": "somebody"}]}


@pytest.mark.parametrize("op", ["same", "update", "delete"])
@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([new(ROLE, {"name": "r"}), new(PERMISSION, {"role": "r", "policy": READS})], {"creation", "policy"}),
        ([new(ROLE, {"name": "r"}), new(PERMISSION, {"role": UNKNOWN, "policy": READS})], {"creation", "policy"}),
        ([new(KUBERNETES_ROLE, READ_PODS), new(BINDING, BOUND)], {"creation"}),
        ([new(CLUSTER_ROLE, READ_PODS)], {"creation"}),
    ],
)
def test_a_new_role_beside_what_is_there_already_is_for_a_person(
    steps: list[dict[str, Any]], expected: set[str], op: str
) -> None:
    there = step(op, "aws:sns/topic:Topic", "there", {"name": "a"}, None if op == "delete" else {"name": "a"})
    found = [each for each in look(there, *steps) if each.name == "it"]
    assert {each.verdict for each in found} == {C}
    assert {each.property for each in found} == expected
    assert len(found) == len(steps)


def test_a_new_stack_names_what_is_not_known_yet_and_still_obeys_the_absolute_rules() -> None:
    steps = [
        stack_step("create"),
        new(PERMISSION, {"role": "r", "policy": UNKNOWN}),
        new(BUCKET, {"bucket": "backups"}),
    ]
    text = json.dumps({"steps": steps})
    found = review([parse(text, source="x")])
    assert {(f.type, f.verdict) for f in found} == {(PERMISSION, N), (BUCKET, W)}
    assert "policy known after apply" in found[-1].reason


def test_a_map_that_is_only_new_is_not_taken_for_judged() -> None:
    volumes = lambda name: {  # noqa: E731
        "metadata": {"name": "job"},
        "spec": {"jobTemplate": {"spec": {"activeDeadlineSeconds": 1, "template": {"spec": {"volumes": [
            {"name": "plan", "configMap": {"name": name}}]}}}}},
    }  # fmt: skip
    job = step("update", CRON_JOB, "job", volumes("a"), volumes("b"))
    replaced = step("replace", CONFIG, "plan", {"metadata": {"name": "a"}}, {"metadata": {"name": "b"}})
    made = step("create", CONFIG, "plan", None, {"metadata": {"name": "b"}})
    other = step("same", CONFIG, "other", {"metadata": {"name": "b"}}, {"metadata": {"name": "b"}})
    assert C not in {verdict for _, verdict in said(job, replaced)}
    assert C in {verdict for _, verdict in said(job, made)}
    assert C in {verdict for _, verdict in said(job, other)}


BROKEN = {
    "backup-bucket-locked": Resource(type=BUCKET, name="b", inputs={"bucket": "shop-backups"}, protect=True),
    "bucket-versioned": Resource(type="aws:s3/bucketVersioning:BucketVersioning", name="b", inputs={}),
    "bucket-closed": Resource(type=BLOCK, name="b", inputs={**CLOSED, "blockPublicAcls": False}),
    "policy-not-public": Resource(type=POLICY, name="b", inputs={"policy": EVERYBODY}),
    "role-without-wildcards": Resource(
        type=PERMISSION, name="b", inputs={"policy": document(statement("Allow", "s3:*"))}
    ),
    "versions-stay": Resource(
        type=PERMISSION,
        name="role-pruner-permission",
        inputs={"policy": document(statement("Allow", "s3:DeleteObjectVersion"))},
    ),
    "image-by-digest": Resource(
        type="kubernetes:apps/v1:Deployment",
        name="b",
        inputs={"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "a:latest"}]}}}},
    ),
    "job-bounded": Resource(type="kubernetes:batch/v1:Job", name="b", inputs={"spec": {"template": {}}}),
    "stateful-protected": Resource(type=TABLE, name="b", inputs={}),
    "disk-encrypted": Resource(
        type="kubernetes:storage.k8s.io/v1:StorageClass", name="b", inputs={"parameters": {"type": "gp3"}}
    ),
    "no-plaintext": Resource(type="aws:lb/listener:Listener", name="b", inputs={"protocol": "HTTP"}),
    "secondary-unchecked": Resource(
        type=RECORD, name="b", inputs={"failoverRoutingPolicies": [{"type": "SECONDARY"}], "healthCheckId": "a"}
    ),
    "network-closed": Resource(
        type="aws:ec2/securityGroup:SecurityGroup", name="b", inputs={"ingress": [{"cidrBlocks": ["0.0.0.0/0"]}]}
    ),
}
ALSO_BROKEN = [
    (
        "image-by-digest",
        "kubernetes:apps/v1:Deployment",
        {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "a@sha256:"}]}}}},
    ),
    ("role-without-wildcards", PERMISSION, {"policy": document(statement("Allow", "s3:GetObject", "arn:aws:s3:::*"))}),
    (
        "role-without-wildcards",
        PERMISSION,
        {"policy": document({"Effect": "Allow", "NotAction": "a", "Resource": "b"})},
    ),
    (
        "role-without-wildcards",
        KUBERNETES_ROLE,
        {"rules": [{"apiGroups": ["*"], "resources": ["a"], "verbs": ["get"]}]},
    ),
    ("policy-not-public", ROLE, {"assumeRolePolicy": ANYBODY}),
    *(
        (
            "policy-not-public",
            POLICY,
            {"policy": document(statement("Allow", "s3:GetObject", Principal="*", Condition=c))},
        )
        for c in (
            {"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "0.0.0.0/0"]}},
            {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
            {"StringNotEquals": {"aws:PrincipalAccount": "123456789012"}},
            {"StringEqualsIfExists": {"aws:PrincipalAccount": "123456789012"}},
            {"StringLike": {"aws:PrincipalArn": "*"}},
        )
    ),
    ("no-plaintext", "aws:alb/listener:Listener", {"protocol": "HTTP"}),
    ("network-closed", "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", {"cidrIpv6": "::/0"}),
    (
        "job-bounded",
        CRON_JOB,
        {
            "spec": {
                "jobTemplate": {
                    "spec": {
                        "activeDeadlineSeconds": 9,
                        "template": {"spec": {"containers": [{"name": "c", "image": IMAGE}]}},
                    }
                }
            }
        },
    ),
]


@pytest.mark.parametrize("rule", [rule.name for rule in ABSOLUTE_RULES])
def test_each_absolute_rule_finds_what_breaks_it(rule: str) -> None:
    assert {found.rule for found in violations(BROKEN[rule])} == {f"absolute.{rule}"}


@pytest.mark.parametrize(("rule", "kind", "inputs"), ALSO_BROKEN)
def test_an_absolute_rule_finds_the_other_ways_to_break_it(rule: str, kind: str, inputs: dict[str, Any]) -> None:
    found = violations(Resource(type=kind, name="b", inputs=inputs))
    assert {each.rule for each in found} == {f"absolute.{rule}"}


def test_an_absolute_rule_holds_for_what_does_not_change_and_is_said_once() -> None:
    inputs = {"bucket": "b", **CLOSED, "blockPublicAcls": False}
    assert said(step("same", BLOCK, "it", inputs, inputs)) == [("blockPublicAcls", W)]
    assert said(step("update", BLOCK, "it", {"bucket": "b", **CLOSED}, inputs)) == [("blockPublicAcls", W)]


def test_events_are_read_like_a_summary() -> None:
    metadata = {"op": "delete", "urn": urn(TABLE, "t"), "old": state({}), "diffs": []}
    start = {"sequence": 1, "timestamp": 1, "resourcePreEvent": {"metadata": metadata}}
    end = {"sequence": 2, "timestamp": 2, "summaryEvent": {}}
    text = "\n".join(json.dumps(each) for each in (start, end))
    assert [f.verdict for f in review([parse(text, source="x")])] == [D]
    assert [f.verdict for f in review([parse(json.dumps(start), source="x")])] == [D, C]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "no JSON"),
        ("{", "not JSON, or cut off"),
        ('{"steps": [', "not JSON, or cut off"),
        ('{"steps": {}}', "`steps` is not a list"),
        ('{"steps": [1]}', "step 1: expected `op` and `urn`"),
        ('{"steps": [{"op": "same", "urn": "u", "newState": []}]}', "newState: expected an object"),
        ('{"version": 3}', "no preview: it has no `steps`"),
        ('{"a": 1} {"b": 2}', "no event of Pulumi's"),
        ('{"steps": ' + "[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_no_preview_is_refused_with_the_next_step(text: str, expected: str) -> None:
    with pytest.raises(UnreadablePreview, match="pulumi preview --json") as raised:
        parse(text, source="file")
    assert expected in raised.value.what
    assert raised.value.what.startswith("file")


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=8) | st.sampled_from([SECRET, UNKNOWN]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["policy", "rules", "spec", "data", "metadata", "content", "ingress", "replicas", "tags", "configurationValues"]
)
INPUTS = st.dictionaries(KEYS, JSON, max_size=3)
STEPS = st.builds(
    lambda op, kind, old, new, reported: step(op, kind, "it", old, new, detailedDiff=dict.fromkeys(reported)),
    st.sampled_from(["same", "create", "update", "delete", "replace", "refresh", "?"]),
    st.sampled_from(sorted(known_types())),
    INPUTS | st.none(),
    INPUTS | st.none(),
    st.lists(st.text(max_size=8) | KEYS, max_size=2),
)


@given(st.lists(STEPS, max_size=3))
def test_no_preview_makes_a_traceback(steps: list[dict[str, Any]]) -> None:
    for found in look(*steps):
        assert found.reason
        assert found.verdict in Verdict


@given(
    st.text() | JSON.map(json.dumps) | st.dictionaries(st.sampled_from(["steps", "diagnostics"]), JSON).map(json.dumps)
)
def test_no_text_makes_a_traceback(text: str) -> None:
    try:
        parsed = parse(text, source="file")
    except UnreadablePreview:
        return
    review([parsed])

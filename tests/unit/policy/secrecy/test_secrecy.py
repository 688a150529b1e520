"""No secret is in what a review says: no spelling of one, at no outlet."""

import json
from pathlib import Path

import pytest

from policy.pack.adapter import resource
from policy.review.preview import parse
from policy.review.review import review
from tests.support.policy_sdk import Arguments
from tests.support.preview_comment import comment
from tests.support.review_cases import C, N
from tests.support.review_command import run
from tests.support.review_preview import SECRET, preview, state, step
from tests.support.secret_spellings import (
    CONFIG,
    CONTAINERS,
    DEPLOYMENT,
    MAPS,
    MARK,
    NEW,
    OLD,
    ROLE,
    SECRET_TYPE,
    SECRETS,
    TEMPLATES,
    Spelling,
    coded,
    says,
)


@pytest.mark.parametrize("spelling", SECRETS.values(), ids=SECRETS)
@pytest.mark.parametrize("op", ["update", "replace", "create", "delete"])
def test_no_value_of_a_secret_is_told(spelling: Spelling, op: str) -> None:
    old, new = (spelling(each) if op != gone else None for each, gone in ((OLD, "create"), (NEW, "delete")))
    says(SECRET_TYPE, old, new, op, diffReasons=["stringData", "data.password"])


@pytest.mark.parametrize("spelling", SECRETS.values(), ids=SECRETS)
def test_a_secret_that_becomes_plain_or_the_reverse_is_told_without_its_value(spelling: Spelling) -> None:
    blinded = json.loads(json.dumps(spelling(SECRET)))
    says(SECRET_TYPE, blinded, spelling(NEW))
    says(SECRET_TYPE, spelling(OLD), blinded)
    says(SECRET_TYPE, {"stringData": SECRET, "data": SECRET}, spelling(NEW))


def test_two_secrets_are_told_apart_all_the_same() -> None:
    (found,) = says(SECRET_TYPE, {"stringData": {"a": OLD}}, {"stringData": {"a": NEW}})
    assert (found.property, found.verdict) == ("stringData", N)
    assert (found.old, found.new) == ('{"a": "[secret]"}', '{"a": "[secret]"}')
    (found,) = says(CONFIG, {"data": {"password": OLD}}, {"data": {"password": NEW}})
    assert (found.property, found.old, found.new, found.verdict) == ("data.password", "a secret", "a secret", C)


@pytest.mark.parametrize("spelling", CONTAINERS.values(), ids=CONTAINERS)
@pytest.mark.parametrize("kind", TEMPLATES)
def test_no_secret_of_a_container_is_told(kind: str, spelling: Spelling) -> None:
    old, new = ({"spec": TEMPLATES[kind]({"containers": [{"name": "c", **spelling(s)}]})} for s in (OLD, NEW))
    assert C in {each.verdict for each in says(kind, old, new)}
    bare = {"spec": TEMPLATES[kind]({"containers": [{"name": "c"}]})}
    says(kind, bare, new)
    says(kind, old, bare)


@pytest.mark.parametrize("spelling", MAPS.values(), ids=MAPS)
def test_no_secret_in_a_map_is_told(spelling: Spelling) -> None:
    old, new = ({"metadata": {"name": "m"}, "data": spelling(s)} for s in (OLD, NEW))
    assert {each.verdict for each in says(CONFIG, old, new)} == {C}
    says(CONFIG, {"metadata": {"name": "m"}}, new)


@pytest.mark.parametrize(
    ("kind", "spelling"),
    [
        ("aws:rds/cluster:Cluster", lambda s: {"masterPassword": s}),
        ("aws:ssm/parameter:Parameter", lambda s: {"type": "SecureString", "value": s}),
        ("aws:secretsmanager/secretVersion:SecretVersion", lambda s: {"secretString": s}),
        ("aws:lambda/function:Function", lambda s: {"environment": {"variables": {"DB_PASSWORD": s}}}),
        ("aws:ecs/taskDefinition:TaskDefinition", lambda s: {
            "containerDefinitions": json.dumps([{"environment": [{"name": "TOKEN", "value": s}]}])}),
        ("kubernetes:helm.sh/v3:Release", lambda s: {"values": {"auth": {"passwords": [s, s]}}}),
        ("kubernetes:core/v1:Namespace", lambda s: {"metadata": {"annotations": {"a.test/token": s}}}),
        (ROLE, lambda s: {"tags": {"password": s}}),
        ("aws:eks/addon:Addon", lambda s: {"configurationValues": json.dumps({"env": {"API_TOKEN": s}})}),
    ],
)  # fmt: skip
def test_no_secret_property_of_any_resource_is_told(kind: str, spelling: Spelling) -> None:
    says(kind, spelling(OLD), spelling(NEW))
    says(kind, None, spelling(NEW), "create")


def test_what_is_marked_in_one_state_is_a_secret_in_all_of_them() -> None:
    says(ROLE, {"tags": {"a": SECRET}}, {"tags": {"a": NEW}})
    says(ROLE, {"tags": SECRET}, {"tags": {"a": {"b": [NEW, 12345678]}}})
    says(ROLE, {"tags": {"a": NEW}}, {"tags": {"a": {**MARK, "ciphertext": "v1:x"}}})
    says(ROLE, {"list": [{"name": "a", "is": SECRET}]}, {"list": [{"name": "b"}, {"name": "a", "is": NEW}]})
    says(ROLE, {"list": [SECRET]}, {"list": ["x", NEW]})


def test_what_is_marked_in_another_step_of_a_replacement_is_a_secret() -> None:
    gone = step("delete-replaced", ROLE, "it", {"name": SECRET})
    made = step("create-replacement", ROLE, "it", None, {"name": NEW})
    for steps in ([gone, made], [made, gone]):
        assert NEW not in repr(review([parse(preview(*steps), source="x")]))


def test_what_the_outputs_tell_is_no_secret_either() -> None:
    one = step("update", ROLE, "it", {"name": "a"}, {"name": "a"}, detailedDiff={"greeting": {}})
    marked = {"additionalSecretOutputs": ["greeting"]}
    one["oldState"] = state({"name": "a"}, outputs={"greeting": OLD}, **marked)
    one["newState"] = state({"name": "a"}, outputs={"greeting": NEW}, **marked)
    told = repr(review([parse(preview(one), source="x")]))
    assert "greeting" in told
    assert OLD not in told
    assert NEW not in told


def test_a_secret_that_a_text_elsewhere_quotes_is_told_nowhere() -> None:
    """An error of Pulumi's, a value that nothing marks, another stack's preview, another spelling."""
    secret = step("update", SECRET_TYPE, "s", {"data": {"a": coded(OLD)}}, {"data": {"a": coded(NEW)}})
    tagged = step("update", ROLE, "r", {"tags": {"a": f"-p{OLD}"}}, {"tags": {"a": f"-p{NEW}"}})
    failed = [
        {"severity": "error", "message": f"cannot log in as app with {NEW}: password: {OLD}; token=abc-def"},
        {"severity": "error", "message": "dial postgres://app:swordfish@db:5432/shop: refused"},
    ]
    found = review(
        [parse(preview(secret, diagnostics=failed), source="a"), parse(preview(tagged, diagnostics=failed), source="b")]
    )
    told = json.dumps([each.__dict__ for each in found], default=str)
    for each in (OLD, NEW, coded(OLD), coded(NEW), "swordfish", "abc-def"):
        assert each not in told
    assert "dial postgres://app:[secret]@db:5432/shop: refused" in told


def test_a_secret_that_is_shown_on_demand_is_told_nowhere() -> None:
    """`preview --show-secrets` writes them under their mark."""
    inputs = {"stringData": {**MARK, "plaintext": json.dumps({"password": NEW})}}
    failed = {"severity": "error", "message": f"{NEW} is wrong"}
    steps = preview(step("same", SECRET_TYPE, "s", inputs, inputs), diagnostics=[failed])
    assert NEW not in repr(review([parse(steps, source="x")]))


def test_events_hide_what_a_summary_hides() -> None:
    one = step("update", SECRET_TYPE, "s", {"stringData": {"a": SECRET}}, {"stringData": {"a": NEW}})
    metadata = {"op": "update", "urn": one["urn"], "old": one["oldState"], "new": one["newState"]}
    events = [{"timestamp": 1, "resourcePreEvent": {"metadata": metadata}}, {"timestamp": 1, "summaryEvent": {}}]
    found = review([parse("\n".join(map(json.dumps, events)), source="x")])
    assert found
    assert NEW not in repr(found)


LEAKING = (
    step("update", SECRET_TYPE, "s", {"stringData": {"password": SECRET}}, {"stringData": {"password": NEW}}),
    step(
        "update",
        DEPLOYMENT,
        "d",
        *(
            {"spec": at({"containers": [{"name": "c", "env": [{"name": "DB_PASSWORD", "value": s}]}]})}
            for s, at in ((OLD, TEMPLATES[DEPLOYMENT]), (NEW, TEMPLATES[DEPLOYMENT]))
        ),
    ),
)  # fmt: skip


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_no_secret_reaches_the_terminal(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    failed = {"severity": "error", "message": f"password: {OLD}"}
    Path("p.json").write_text(preview(*LEAKING, diagnostics=[failed]))
    code, out, err = run(capsys, "p.json", *more)
    assert code == 1
    assert "DB_PASSWORD" in out
    assert OLD not in out + err
    assert NEW not in out + err


def test_no_secret_reaches_the_comment_or_the_log_of_the_workflow(tmp_path: Path) -> None:
    code, text, log = comment(tmp_path, *LEAKING)
    assert code == 1
    assert "DB_PASSWORD" in text
    assert OLD not in text + log
    assert NEW not in text + log


def test_the_policy_pack_sees_no_secret() -> None:
    found = resource(Arguments(SECRET_TYPE, {"stringData": {"greeting": NEW}, "x": {"token": NEW}}), KeyError)
    assert NEW not in repr(found)

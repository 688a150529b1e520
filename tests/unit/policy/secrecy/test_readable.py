"""What is no secret stays as it is, and nothing is passed because it cannot be seen."""

from typing import Any

import pytest

from policy.review.preview import parse
from policy.review.review import review
from policy.secrecy.names import is_secret
from policy.secrecy.stand_ins import Secrets, shown
from policy.secrecy.texts import without_secrets
from tests.support.review_cases import C, W, document, statement
from tests.support.review_preview import SECRET, preview, step
from tests.support.secret_spellings import NEW, OLD, TEMPLATES, says


@pytest.mark.parametrize(
    "name",
    [
        "secretName", "PASSWORD_FILE", "tokenPath", "httpTokens", "AWS_ACCESS_KEY_ID",
        "secretArn", "TOKEN_TTL", "kmsMasterKeyId",
        "key", "keyUsage", "hashKey", "compass", "auth", "author", "bypassPolicyLockoutSafetyCheck", "resources", "",
    ],
)  # fmt: skip
def test_a_name_that_only_speaks_of_a_secret_hides_nothing(name: str) -> None:
    assert not is_secret(name)


REFERENCES = {
    "env": [{"name": "PGPASSWORD", "valueFrom": {"secretKeyRef": {"name": "login", "key": "password"}}}],
    "volumes": [{"name": "v", "secret": {"secretName": "login", "items": [{"key": "password", "path": "p"}]}}],
    "imagePullSecrets": [{"name": "registry"}],
    "serviceAccountToken": {"path": "token", "expirationSeconds": 3600},
    "automountServiceAccountToken": False,
    "skipCredentialsValidation": "true",
    "secret": "arn:aws:secretsmanager:us-east-1:123456789012:secret:login",
    "port": ["psql", "-p", "5432"],
    "actions": document(statement("Allow", "secretsmanager:GetSecretValue", "arn:aws:secretsmanager:*:1:secret:login")),
    "policy": document(statement("Allow", "a:B", Condition={"StringEquals": {"aws:PrincipalTag/token": "a"}})),
    "nothing": "the password is wrong; see secret/login, token: ",
    "address": "https://shop.test:8443/a?b=c#d and postgres://app@db:5432/shop",
}  # fmt: skip


@pytest.mark.parametrize("key", REFERENCES)
def test_where_a_secret_is_to_be_had_is_no_secret(key: str) -> None:
    assert Secrets().read({key: REFERENCES[key]}) == {key: REFERENCES[key]}


def test_a_stand_in_is_the_same_for_the_same_secret_and_tells_nothing_of_it() -> None:
    secrets = Secrets()
    first, again, other = (secrets.read({"password": each})["password"] for each in ("a", "a", "b"))
    assert first == again != other
    assert [shown(first), shown(f"x={other}")] == ["a secret", "x=[secret]"]
    assert secrets.read({"password": ""}) == {"password": ""}


@pytest.mark.parametrize(
    "text", ["a" * 300_000, "a." * 150_000, "-" * 300_000, "//:" * 100_000, "p=" * 150_000, '\\"' * 100_000]
)
def test_no_long_text_takes_more_than_linear_time(text: str) -> None:
    """Quadratic, these would take hours."""
    assert without_secrets(text, lambda _: "") == text


def test_a_secret_does_not_hide_a_change_beside_it() -> None:
    kind, at = "kubernetes:batch/v1:CronJob", TEMPLATES["kubernetes:batch/v1:CronJob"]
    env = [{"name": "PASSWORD", "value": OLD}, {"name": "DR_LOCK_MODE", "value": "COMPLIANCE"}]
    less = [{"name": "PASSWORD", "value": NEW}, {"name": "DR_LOCK_MODE", "value": "GOVERNANCE"}]
    old, new = ({"spec": at({"containers": [{"name": "c", "env": each}]})} for each in (env, less))
    found = {each.property.rpartition("containers")[2]: each for each in says(kind, old, new)}
    assert (found["[c].env[DR_LOCK_MODE].value"].old, found["[c].env[DR_LOCK_MODE].value"].new) == (
        "COMPLIANCE",
        "GOVERNANCE",
    )


@pytest.mark.parametrize("marked", [{"additionalSecretOutputs": ["spec"]}, {"outputs": {"spec": SECRET}}, None])
def test_what_cannot_be_seen_is_not_taken_for_harmless(marked: dict[str, Any] | None) -> None:
    """A way that opens behind a mark is not compared word by word, and not passed either."""
    kind = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
    shut, ajar = ({"policyTypes": types, "ingress": []} for types in (["Ingress"], ["Egress"]))
    one = step("update", kind, "it", {"spec": shut}, {"spec": ajar if marked else {**ajar, "policyTypes": [SECRET]}})
    if marked:
        one["oldState"] |= marked
        one["newState"] |= marked
    found = review([parse(preview(one), source="x")])
    assert {each.verdict for each in found} == {C}


@pytest.mark.parametrize("action", ["secretsmanager:*", "secretsmanager:GetRandomPassword"])
def test_a_policy_that_speaks_of_secrets_is_compared_word_by_word(action: str) -> None:
    """Its words are no secrets: behind a stand-in nobody would see a wildcard."""
    resources = "arn:aws:secretsmanager:us-east-1:123456789012:secret:login"
    old, new = (
        {"policy": document(statement("Allow", each, resources))} for each in ("secretsmanager:GetSecretValue", action)
    )
    found = says("aws:iam/rolePolicy:RolePolicy", old, new)
    assert {each.verdict for each in found} >= {W}
    assert any(action.lower() in each.new for each in found)
    broken = {each.rule for each in says("aws:iam/rolePolicy:RolePolicy", new, new, "replace")}
    assert ("absolute.role-without-wildcards" in broken) is ("*" in action)

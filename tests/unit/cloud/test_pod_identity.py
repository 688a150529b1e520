"""A Pod's credentials: asked for when they are needed, so that an association may come late; never from elsewhere."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloud import session
from cloud.control_table import ControlTable, region_clients
from recovery.errors import DrError, Refused, Unreachable
from tests.support.identity_agent import CREDENTIALS, Place


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    made = Place()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        **made.variables(tmp_path),
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "AWS_ENDPOINT_URL": made.url,
    }.items():
        monkeypatch.setenv(name, value)
    session._session.cache_clear()
    yield made
    session._session.cache_clear()
    made.stop()


def table() -> ControlTable:
    return ControlTable("t", region_clients(["us-west-2", "us-east-1"], attempt_seconds=2))


def refused(ask: Any) -> DrError:
    with pytest.raises(DrError) as error:
        ask()
    assert "\n" not in error.value.what and error.value.next_step
    return error.value


def test_a_client_that_is_older_than_its_association_works_when_that_arrives(
    place: Place, capfd: pytest.CaptureFixture[str]
) -> None:
    control = table()
    said = refused(lambda: control.get("lease"))
    assert isinstance(said, Unreachable)
    assert said.what.startswith(
        "no AWS credentials: there is no pod identity association for service account dr-guard of namespace "
        "ultramarket-dr (404: "
    )
    assert "--namespace ultramarket-dr --service-account dr-guard" in said.next_step
    assert (len(place.tokens), place.signed) == (1, []), "one question for one request, whatever the number of replicas"
    place.association = CREDENTIALS
    assert control.get("lease") is None
    assert "Credential=ASIA1/" in place.signed[0]
    assert capfd.readouterr() == ("", ""), "no traceback of the SDK's beside the sentence"


def test_credentials_are_asked_for_once_while_they_are_good(place: Place) -> None:
    place.association = CREDENTIALS
    control = table()
    control.get("lease")
    control.get("lease")
    assert len(place.tokens) == 1


def test_an_access_key_in_the_environment_comes_first_as_a_person_in_an_emergency_needs_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAPERSON")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    table().get("lease")
    assert "Credential=AKIAPERSON/" in place.signed[0] and not place.tokens


def test_another_refusal_of_the_agent_s_is_told_with_what_to_look_at(place: Place) -> None:
    place.status, place.said = 400, "(AccessDeniedException): Unauthorized Exception! EKS does not have permissions"
    said = refused(lambda: session.caller("us-west-2"))
    assert "gave none (400: (AccessDeniedException): Unauthorized" in said.what
    assert "trusts pods.eks.amazonaws.com" in said.next_step


def test_an_agent_that_does_not_answer_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9/v1/credentials")
    said = refused(lambda: table().get("lease"))
    assert "the Pod Identity agent at http://127.0.0.1:9/v1/credentials does not answer" in said.what
    assert "eks-pod-identity-agent" in said.next_step


def test_the_token_goes_to_the_agent_alone(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for url in ("http://192.0.2.1/v1/credentials", "https://127.0.0.1/v1/credentials", "http://localhost.test/x"):
        session._session.cache_clear()
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)
        said = refused(lambda: table().get("lease"))
        assert isinstance(said, Refused) and "is not the Pod Identity agent's address" in said.what
    assert not place.tokens


def test_a_token_that_is_not_mounted_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/nowhere/token")
    assert "/nowhere/token cannot be read: No such file" in refused(lambda: table().get("lease")).what


def test_without_any_credentials_the_sentence_is_the_same_everywhere(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_CONTAINER_CREDENTIALS_FULL_URI")
    for ask in (lambda: table().get("lease"), lambda: session.caller("us-west-2")):
        assert refused(ask).what == "no AWS credentials: Unable to locate credentials"
    assert not place.signed

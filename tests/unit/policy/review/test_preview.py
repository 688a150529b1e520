"""What a preview tells beside its steps, and what a step tells beside its inputs."""

import json
from typing import Any

import pytest

from policy.review.preview import UnreadablePreview, parse
from policy.review.review import review
from policy.verdict import Finding, Verdict
from tests.support.review_cases import C, D, S, W
from tests.support.review_preview import SECRET, UNKNOWN, preview, state, step, urn

BUCKET, KEY, TABLE = "aws:s3/bucket:Bucket", "aws:kms/key:Key", "aws:dynamodb/table:Table"
MAP = "kubernetes:core/v1:Secret"
ON, OFF = {"enableKeyRotation": True}, {"enableKeyRotation": False}
MARK = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "plaintext": '"hunter2"'}


def look(*steps: dict[str, Any], **more: Any) -> list[Finding]:
    return review([parse(preview(*steps, **more), source="preview.json")])


def said(*steps: dict[str, Any], **more: Any) -> set[tuple[str, Verdict]]:
    return {(found.property, found.verdict) for found in look(*steps, **more)}


@pytest.mark.parametrize("result", ["succeeded", "failed"])
def test_the_short_json_of_another_option_is_no_preview(result: str) -> None:
    deleted = {"urn": urn(BUCKET, "b"), "type": BUCKET, "name": "b", "op": "delete"}
    text = json.dumps({"result": result, "duration": 1, "summary": {"delete": 1}, "resources": [deleted]})
    with pytest.raises(UnreadablePreview, match="no preview"):
        parse(text, source="file")


def refreshed(kind: str, inputs: dict[str, Any]) -> dict[str, Any]:
    return step("refresh", kind, "it", inputs, inputs)


def test_what_a_refresh_found_and_the_program_adopts_is_a_change() -> None:
    assert said(refreshed(KEY, ON), step("same", KEY, "it", OFF, OFF)) == {("enableKeyRotation", W)}
    both = step("update", KEY, "it", {**OFF, "isEnabled": True}, {**OFF, "isEnabled": False})
    assert said(refreshed(KEY, ON), both) == {("enableKeyRotation", W), ("isEnabled", W)}


def test_what_a_refresh_found_and_the_program_takes_back_is_stronger() -> None:
    assert said(refreshed(KEY, ON), step("update", KEY, "it", OFF, ON)) == {("enableKeyRotation", S)}
    assert said(refreshed(KEY, ON), step("same", KEY, "it", ON, ON)) == set()


def test_what_a_refresh_found_gone_and_is_made_anew_is_replaced_by_an_empty_one() -> None:
    inputs = {"bucket": "b", "objectLockEnabled": True}
    made = step("create", BUCKET, "it", None, inputs) | {"newState": state(inputs, protect=True)}
    assert ("replacement", D) in said(refreshed(BUCKET, inputs), made)


def test_a_component_in_a_stream_of_events_is_one() -> None:
    found = [("ultramarket:dr:Thing", {"inputs": {}}), (KEY, {"custom": True, "inputs": {"deletionWindowInDays": 7}})]
    events = [{"op": "create", "urn": urn(kind, "it"), "old": None, "new": new} for kind, new in found]
    lines = [{"timestamp": 1, "resourcePreEvent": {"metadata": each}} for each in events]
    lines.append({"timestamp": 2, "summaryEvent": {"resourceChanges": {"create": 2}}})
    text = "\n".join(map(json.dumps, lines))
    assert {each.type for each in review([parse(text, source="x")])} == {KEY}


def test_what_is_only_read_is_not_ours_to_protect() -> None:
    read = step("read", BUCKET, "it", None, {"bucket": "backups"})
    assert said(read) == set()
    assert said(read | {"op": "create"}) != set()


@pytest.mark.parametrize(("op", "counted"), [("delete", 2), ("update", 1), ("teleport", 1), ("create", "many")])
def test_a_step_that_is_counted_and_not_shown_is_not_passed(op: str, counted: Any) -> None:
    (found,) = look(changeSummary={"same": 1, op: counted})
    assert (found.verdict, found.rule) == (C, "preview.failed")
    assert f"{counted} of `{op}`" in found.new


def test_a_preview_that_ended_early_counts_fewer_than_it_shows() -> None:
    shown = [step("update", KEY, name, {"description": "a"}, {"description": "b"}) for name in ("a", "b")]
    assert {each.rule for each in look(*shown, changeSummary={"same": 1, "update": 1})} == {"aws.description"}


def test_an_error_without_words_is_one_all_the_same() -> None:
    (found,) = look(diagnostics=[{"severity": "error", "prefix": "error: "}])
    assert (found.verdict, found.new) == (C, "an error without words")


@pytest.mark.parametrize("secret", [SECRET, MARK])
@pytest.mark.parametrize("marked", [{}, {"additionalSecretOutputs": ["stringData"]}])
def test_a_secret_that_is_stored_in_plain_text_is_weaker_and_not_shown(secret: Any, marked: dict[str, Any]) -> None:
    def change(old: Any, new: Any) -> list[Finding]:
        one = step("update", MAP, "it", {"stringData": {"password": old}}, {"stringData": {"password": new}})
        one["oldState"] |= marked
        one["newState"] |= marked
        return look(one)

    worst = change(secret, "hunter2")[0]
    assert (worst.property, worst.verdict, worst.rule) == ("stringData.password", W, "secret.in-plain-text")
    assert "hunter2" not in repr(change(secret, "hunter2"))
    for old, new in ((secret, secret), (secret, UNKNOWN), ("hunter2", secret), ("hunter2", "hunter3")):
        assert W not in {each.verdict for each in change(old, new)}


def test_a_secret_in_a_list_that_is_stored_in_plain_text_is_seen() -> None:
    old, new = ({"environment": [{"name": "a", "value": value}]} for value in (SECRET, "hunter2"))
    assert ("environment[0].value", W) in said(step("update", KEY, "it", old, new))


def test_a_resource_that_goes_with_another_is_no_longer_safe() -> None:
    one = step("same", TABLE, "it", {"name": "a"}, {"name": "a"})
    one["oldState"]["protect"] = one["newState"]["protect"] = True
    one["newState"] |= {"replaceWith": [urn(KEY, "k")], "deletedWith": urn(KEY, "k")}
    assert said(one) == {("replaceWith", D), ("deletedWith", C)}
    one["oldState"], one["newState"] = one["newState"], one["oldState"]
    assert said(one) == {("replaceWith", S), ("deletedWith", C)}

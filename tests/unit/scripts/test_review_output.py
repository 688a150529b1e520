"""How a review reads: at 80 columns, in a pipe, and when values are long; and what it says it could not see."""

import json
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from policy.review.preview import Preview, parse
from policy.values import words
from policy.verdict import Finding, Verdict
from scripts import output
from scripts.review_layout import group
from scripts.shortened import pair
from tests.support.review_command import SHORTER, TAGGED, run, write
from tests.support.review_preview import preview, step

ACCOUNTS = [f"urn:pulumi:prod::shop::shop:net:Site${'x' * 60}:providers:aws::aws-{name}" for name in ("one", "two")]
ERROR = "the bucket um-prod-backups cannot be read: " + "an answer of S3's that goes on; " * 9 + "AccessDenied"


def finding(**changes: Any) -> Finding:
    told: dict[str, Any] = {
        "stack": "foundation",
        "urn": "urn:pulumi:foundation::shop::aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration::it",
        "type": "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        "name": "backups-dr-lifecycle",
        "op": "update",
        "property": "rules[postgres/full/].noncurrent",
        "old": "after 30 d",
        "new": "after 7 d",
        "verdict": Verdict.WEAKER,
        "reason": "undo window of deleted copies: retention shortened",
        "advice": "take it back, or name who answers in waivers.yaml",
    }
    return Finding(**(told | changes))


def test_what_needs_an_answer_is_a_block_that_reads_by_itself() -> None:
    assert group("weaker", [finding()], width=80) == [
        "weaker (1)",
        "",
        "weaker: foundation BucketLifecycleConfiguration backups-dr-lifecycle",
        "  property  rules[postgres/full/].noncurrent",
        "  change    after 30 d -> after 7 d",
        "  why       undo window of deleted copies: retention shortened",
        "  to do     take it back, or name who answers in waivers.yaml",
        "",
    ]


def test_only_reason_and_advice_are_wrapped() -> None:
    long = "spec.template.spec.containers[backup]" + ".deeper" * 12
    said = group("weaker", [finding(property=long, reason="a word " * 40, advice="do this " * 20)], width=80)
    assert f"  property  {long}" in said
    assert {len(line) > 80 for line in said if long not in line} == {False}
    assert " ".join(" ".join(said).split()).count("a word") == 40


def test_who_answers_stands_where_the_advice_was() -> None:
    said = group("waived", [finding(waiver="Anna until 2026-12-05: agreed")], width=80)
    assert said[0] == "waived (1)"
    assert "  waived    Anna until 2026-12-05: agreed" in said
    assert not [line for line in said if line.startswith("  to do")]


def test_what_asks_for_nothing_is_one_line_as_long_as_that_can_be_read() -> None:
    harmless = {"verdict": Verdict.NEUTRAL, "advice": "", "type": "aws:iam/role:Role", "name": "writer"}
    short = finding(property="tags.a", old="b", new="c", reason="a tag", **harmless)
    long = finding(property="tags." + "k" * 90, old="b" * 99, new="b" * 50 + "c", reason="a tag", **harmless)
    said = group("neutral", [short, long], width=80)
    assert said[:2] == ["neutral (2)", "  foundation Role writer tags.a: b -> c (a tag)"]
    assert said[2] == f"  foundation Role writer {long.property}:"
    assert said[3].startswith("    bbb")
    assert len(said[3]) <= 80
    assert said[4:] == ["    a tag", ""]


def test_what_says_no_values_needs_no_arrow() -> None:
    new = finding(verdict=Verdict.NEUTRAL, type="a:b:C", name="d", property="policy", old="-", new="-", reason="same")
    assert group("neutral", [new], width=80)[1] == "  foundation C d policy (same)"


@pytest.mark.parametrize("room", [30, 45, 68])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (ACCOUNTS[0], ACCOUNTS[1]),
        ("a" * 100 + "x" + "b" * 100, "a" * 100 + "y" + "b" * 100),
        ("a" * 30 + "x" + "b" * 300, "a" * 30 + "y" + "b" * 300),
        ("a" * 300 + "x" + "b" * 30, "a" * 300 + "y" + "b" * 30),
        ("a" * 300, "b"),
        ("-", "a" * 300),
    ],
)
def test_two_values_never_look_the_same_when_shortened(old: str, new: str, room: int) -> None:
    before, after = pair(old, new, room)
    assert before != after
    assert max(len(before), len(after)) <= room
    assert (before == old) is (len(old) <= room)
    assert before[:5] == old[:5]
    assert before[-5:] == old[-5:]


def test_values_that_fit_are_whole_and_equal_ones_stay_equal() -> None:
    assert pair("a", "b" * 68, 68) == ("a", "b" * 68)
    assert len(set(pair("s" * 99, "s" * 99, 68))) == 1


def test_values_that_nothing_but_their_length_tells_apart_are_whole() -> None:
    assert pair("a" * 200, "a" * 201, 68) == ("a" * 200, "a" * 201)


def test_long_values_stand_below_each_other() -> None:
    said = group("weaker", [finding(old=ACCOUNTS[0], new=ACCOUNTS[1])], width=80)
    (first,) = [number for number, line in enumerate(said) if line.startswith("  change")]
    assert said[first].startswith("  change       urn:pulumi:prod::")
    assert said[first].endswith("aws-one")
    assert said[first + 1].startswith("            -> urn:pulumi:prod::")
    assert said[first + 1].endswith("aws-two")


def test_json_has_every_value_whole(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    moved = step("update", "aws:iam/role:Role", "r", {"provider": "a" * 99}, {"provider": "a" * 99 + "b"})
    failed = {"severity": "error", "message": ERROR}
    Path("p.json").write_text(preview(moved, diagnostics=[failed]))
    code, out, _ = run(capsys, "p.json", "--json")
    said = {found["new"] for found in json.loads(out)["findings"]}
    assert (code, said) == (1, {"a" * 99 + "b", ERROR})
    assert words({"a": "b" * 99}) == json.dumps({"a": "b" * 99})


def test_what_pulumi_says_of_a_failure_is_told_to_its_end(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("p.json").write_text(preview(diagnostics=[{"severity": "error", "message": ERROR}]))
    _, out, _ = run(capsys, "p.json")
    assert ERROR in " ".join(out.split())
    assert max(len(line) for line in out.splitlines()) <= 80


def test_in_a_pipe_lines_stay_within_80_columns_without_colour(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    out = run(capsys, write(SHORTER, TAGGED))[1]
    assert "\x1b" not in out
    assert [line for line in out.splitlines() if len(line) > 80] == []


def test_what_looks_like_markup_or_an_emoji_is_printed_as_it_is(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tags = ({"tags": {"a": value}} for value in ("[bold]:key:", "[/]"))
    assert (
        'tags: {"a": "[bold]:key:"} -> {"a": "[/]"} (a tag)'
        in run(capsys, write(step("update", "aws:iam/role:Role", "r", *tags)))[1]
    )


def test_a_table_in_a_pipe_is_never_shortened_or_wrapped(capsys: pytest.CaptureFixture[str]) -> None:
    output.table("t", ("a", "b"), [("x" * 200, "two words " * 50)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].rstrip() == f"{'x' * 200}  {'two words ' * 50}".rstrip()
    assert {cell_len(line) for line in lines[2:]} == {cell_len(lines[-1])}


SAME = step("same", "aws:iam/role:Role", "r", {}, {})


@pytest.mark.parametrize(
    ("steps", "counted", "blind"),
    [
        ([], 3, True),  # as Pulumi writes it without the flag: the stack itself, and the number of all
        ([SAME], 2, False),
        ([SAME], None, False),
        ([], None, True),
        ([], 1, False),  # nothing but the stack is unchanged
        ([], 0, False),
    ],
)
def test_a_preview_knows_whether_it_shows_what_stays(steps: list[Any], counted: int | None, blind: bool) -> None:
    summary = None if counted is None else {"same": counted, "update": 1}
    assert parse(preview(*steps, TAGGED, changeSummary=summary), source="p").blind is blind


def test_a_preview_of_events_knows_it_too() -> None:
    events = [
        {"timestamp": 1, "resourcePreEvent": {"metadata": json.loads(preview())["steps"][0]}},
        {"timestamp": 1, "summaryEvent": {"resourceChanges": {"same": 3}}},
    ]
    assert parse("\n".join(map(json.dumps, events)), source="p").blind is True


def test_a_new_stack_has_nothing_that_stays() -> None:
    everything = json.loads(preview())
    everything["steps"][0]["op"] = "create"
    assert parse(json.dumps({**everything, "changeSummary": {"create": 1}}), source="p").blind is False
    assert Preview(steps=()).blind is True


def test_the_note_names_the_stack_that_is_seen_in_part(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("dr.json").write_text(preview(TAGGED).replace("urn:pulumi:prod::", "urn:pulumi:dr::"))
    text = json.loads(Path("dr.json").read_text())
    Path("dr.json").write_text(json.dumps({**text, "changeSummary": {"same": 40, "update": 1}}))
    out = run(capsys, write(SAME), "dr.json")[1]
    assert "\nNote: dr: made without --show-sames: " in out

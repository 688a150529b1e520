"""`dr review` as a reviewer sees it: exit codes, tables, JSON, waivers."""

import json
from datetime import date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import pytest

from policy.review.waivers import read_waivers
from recovery.errors import PlanError
from tests.support.plans import ROOT
from tests.support.review_command import SHORTER, TAGGED, run, write
from tests.support.review_preview import preview, step

TODAY = date(2026, 2, 28)


class Noon(datetime):
    """The clock stands still: a run of the tests that passes midnight judges every waiver by one day."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:
        return datetime(TODAY.year, TODAY.month, TODAY.day, 12, tzinfo=tz)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("scripts.review.datetime", Noon)


def waiver(**changes: Any) -> None:
    entry = {
        "resource": "backups-dr-lifecycle",
        "property": "rules",
        "who": "Anna",
        "why": "agreed in the meeting",
        "until": TODAY + timedelta(days=9),
        **changes,
    }
    lines = "\n    ".join(f"{key}: {value}" for key, value in entry.items() if value is not None)
    Path("waivers.yaml").write_text(f"waivers:\n  - {lines}\n")


def test_a_weakening_is_printed_in_words_and_ends_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, write(SHORTER, TAGGED))
    assert code == 1
    lines = out.splitlines()
    assert lines[0] == "weaker (1)"
    assert lines[2] == "weaker: prod BucketLifecycleConfiguration backups-dr-lifecycle"
    assert lines[3] == "  property  rules[postgres/full/].noncurrent"
    assert lines[4] == "  change    after 30 d -> after 7 d"
    assert lines[5].startswith("  why       undo window of deleted copies: retention shortened")
    assert "  to do     take it back, or name who answers in waivers.yaml" in lines
    assert "neutral (1)" in lines
    assert lines[-1] == "Review: 1 objection (1 weaker, 1 neutral)"


def test_nothing_objectionable_ends_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, write(TAGGED))
    assert (code, out.splitlines()[-1]) == (0, "Review: nothing objectionable (1 neutral)")


def test_a_preview_without_unchanged_resources_says_what_it_cannot_show(capsys: pytest.CaptureFixture[str]) -> None:
    Path("p.json").write_text('{"steps": []}')
    assert "made without --show-sames" in run(capsys, "p.json")[1]
    assert "--show-sames" not in run(capsys, write(step("same", "aws:iam/role:Role", "r", {}, {})))[1]


def test_several_previews_are_one_review(capsys: pytest.CaptureFixture[str]) -> None:
    other = preview(SHORTER).replace("urn:pulumi:prod::", "urn:pulumi:dr::")
    Path("dr.json").write_text(other)
    code, out, _ = run(capsys, write(SHORTER), "dr.json")
    assert code == 1
    first = [line.split()[1] for line in out.splitlines() if "backups-dr-lifecycle" in line]
    assert first == ["dr", "prod"]


def test_standard_input_is_a_preview_too(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO("Previewing…\n" + preview(SHORTER)))
    assert run(capsys, "-")[0] == 1


def test_json_carries_every_finding(capsys: pytest.CaptureFixture[str]) -> None:
    waiver(until=TODAY - timedelta(days=1))
    code, out, _ = run(capsys, write(SHORTER), "--json")
    found = json.loads(out)
    assert (code, found["objections"], found["verdicts"]["weaker"]) == (1, 1, 1)
    assert found["findings"][0]["property"] == "rules[postgres/full/].noncurrent"
    assert found["findings"][0]["objection"] is True
    assert found["waivers"]["expired"] == [f"backups-dr-lifecycle rules (until {TODAY - timedelta(days=1)}, Anna)"]


@pytest.mark.parametrize("arguments", [["missing.json"], ["broken.json"], ["."]])
def test_what_cannot_be_read_ends_with_2_and_the_next_step(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    Path("broken.json").write_text('{"steps": ')
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"dr: {arguments[0]}: ")
    assert "Next: make it with `pulumi preview --json" in err


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_numbers_and_letters_that_nothing_can_hold_are_no_traceback(
    capfd: pytest.CaptureFixture[str], more: list[str]
) -> None:
    huge = step("update", "aws:iam/role:Role", "r\ud800", {"maxSessionDuration": 1}, {"maxSessionDuration": 10**400})
    quota = "kubernetes:core/v1:ResourceQuota"
    large = step("update", quota, "q\x1b[2J", {"spec": {"hard": {"cpu": 1}}}, {"spec": {"hard": {"cpu": 10**400}}})
    code, out, err = run(capfd, write(huge, large), *more)
    assert (code, err) == (1, "")
    assert "\x1b" not in out
    assert "r?" in out or "r\\ud800" in out


def test_a_number_of_too_many_digits_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    Path("p.json").write_text('{"steps": [], "duration": ' + "9" * 5000 + "}")
    code, _, err = run(capsys, "p.json")
    assert code == 2
    assert err.startswith("dr: p.json: not JSON that can be read: a number of too many digits")


def test_what_never_ends_is_no_preview(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("policy.review.preview.TOO_LARGE", 1024 * 1024)
    code, _, err = run(capsys, "/dev/zero")
    assert code == 2
    assert err.startswith("dr: /dev/zero: larger than 1 MiB, so no preview")


def test_no_file_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys)[0] == 64


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, 0),
        ({"until": TODAY}, 0),
        ({"until": TODAY - timedelta(days=1)}, 1),
        ({"resource": SHORTER["urn"]}, 0),
        ({"resource": "another"}, 1),
        ({"property": "rule"}, 1),
        ({"property": "rules[postgres/full/].noncurrent"}, 0),
        ({"property": "rules[postgres/full/].noncurrent.more"}, 1),
        ({"stack": "prod"}, 0),
        ({"stack": "dr"}, 1),
        ({"type": "BucketLifecycleConfiguration"}, 0),
        ({"type": SHORTER["urn"].split("::")[2]}, 0),
        ({"type": "Bucket"}, 1),
    ],
)
def test_a_waiver_is_for_one_property_of_one_resource_until_a_day(
    capsys: pytest.CaptureFixture[str], changes: dict[str, Any], code: int
) -> None:
    waiver(**changes)
    found, out, _ = run(capsys, write(SHORTER))
    assert found == code
    assert ("waived (1)" in out) is (code == 0)
    assert ("Anna until" in out) is (code == 0)


def test_a_preview_that_failed_cannot_be_waived(capsys: pytest.CaptureFixture[str]) -> None:
    waiver(resource="prod", property='"-"')
    Path("p.json").write_text(preview(diagnostics=[{"severity": "error", "message": "boom"}]))
    assert run(capsys, "p.json")[0] == 1


def test_waivers_that_ended_or_that_nothing_needs_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    waiver(until=TODAY - timedelta(days=1))
    out = run(capsys, write(SHORTER))[1]
    assert "Expired waiver: backups-dr-lifecycle rules" in out
    assert f"the waiver ended on {TODAY - timedelta(days=1)}" in out
    assert "Waiver that nothing here needs" in run(capsys, write(TAGGED))[1]


def test_every_problem_of_the_waivers_is_named_at_once() -> None:
    text = """
waivers:
  - resource: a
    property: b
    who: Anna
    why: because
    until: soon
  - oops
  - {resource: a, property: b, who: "", why: agreed in the meeting, until: 2027-01-01, team: x}
  - {resource: a}
"""
    with pytest.raises(PlanError) as raised:
        read_waivers(text, source="waivers.yaml", today=date(2026, 11, 23))
    assert raised.value.problems == (
        "waiver 1: until: expected a day such as 2027-01-31, found 'soon'",
        "waiver 1: why: expected a reason somebody can check, found 'because'",
        "waiver 2: expected resource, property, who, why, until",
        "waiver 3: unknown key 'team'",
        "waiver 3: who: expected text, found ''",
        "waiver 4: property is missing",
        "waiver 4: who is missing",
        "waiver 4: why is missing",
        "waiver 4: until is missing",
    )


ONE = (
    "waivers:\n  - resource: a\n    property: b\n    who: Anna\n    why: agreed in the meeting\n    until: 2026-12-01\n"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{ONE}    until: 2027-01-01\n", "line 7: waivers.0.until: duplicate key, first on line 6"),
        (f"{ONE}waivers: []\n", "line 7: waivers: duplicate key, first on line 1"),
        (ONE.replace("who: Anna", "who: &a Anna"), "line 4: waivers.0.who: &a is an anchor"),
        (ONE.replace("who: Anna", "who: *a"), "line 4: waivers.0.who: *a refers to an anchor"),
        (ONE.replace("who: Anna", "<<: {who: Anna}"), "<< merges another mapping in"),
        (ONE.replace("2026-12-01", "2026-02-30"), "line 6: waivers.0.until: 2026-02-30 is no day of the calendar"),
        (ONE.replace("2026-12-01", "2027-11-25"), "waiver 1: until: 2027-11-25 is more than a year away"),
        (f"{ONE}    type: 5\n", "waiver 1: type: expected text, found 5"),
    ],
)
def test_a_waiver_that_two_readers_read_differently_or_that_never_ends_is_refused(text: str, expected: str) -> None:
    with pytest.raises(PlanError) as raised:
        read_waivers(text, source="waivers.yaml", today=date(2026, 11, 23))
    assert expected in "\n".join(raised.value.problems)


def test_a_waiver_may_last_a_year() -> None:
    (found,) = read_waivers(ONE.replace("2026-12-01", "2027-11-23"), source="w", today=date(2026, 11, 23))
    assert found.until == date(2027, 11, 23)


@pytest.mark.parametrize("text", ["a: [", "- a", "waivers: {a: b}", "other: []", "waivers: []\nmore: []"])
def test_a_file_that_holds_no_waivers_is_refused(text: str) -> None:
    with pytest.raises(PlanError):
        read_waivers(text, source="waivers.yaml", today=date(2026, 11, 23))


def test_the_committed_waivers_are_read() -> None:
    text = (ROOT / "waivers.yaml").read_text()
    assert read_waivers(text, source="waivers.yaml", today=date(2026, 11, 23)) == ()


def test_no_secret_reaches_the_output(capsys: pytest.CaptureFixture[str]) -> None:
    marked = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "plaintext": '"hunter2"'}
    before, after = ({"policy": marked, "other": {"deep": [marked, number]}} for number in (1, 2))
    for more in ([], ["--json"]):
        code, out, err = run(capsys, write(step("update", "aws:iam/role:Role", "r", before, after)), *more)
        assert code == 1
        assert "hunter2" not in out + err


def test_the_rules_are_listed_by_id_without_a_preview(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--rules")
    lines = out.splitlines()
    assert code == 0 and "bucket-lifecycle.noncurrent" in lines
    assert lines[lines.index("cron-job.suspend") + 1] == "    CronJob  spec.suspend"
    code, out, _ = run(capsys, "--rules", "--json")
    assert code == 0 and f"{len(json.loads(out))} rules" == lines[-1]


def test_a_finding_names_its_rule_in_text_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    name = write(SHORTER)
    assert "  rule      bucket-lifecycle.noncurrent" in run(capsys, name)[1].splitlines()
    assert json.loads(run(capsys, name, "--json")[1])["findings"][0]["rule"] == "bucket-lifecycle.noncurrent"


def test_without_a_preview_and_without_rules_it_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys)
    assert code == 64 and "at least one preview" in err

"""YAML's traps: whatever two readers would read differently is refused by name, with its line."""

from pathlib import Path

import pytest

from recovery.errors import PlanError
from recovery.plan.loading import load_plan, parse_plan
from recovery.plan.strict_yaml import MOST_BYTES, NotYaml, read_yaml
from tests.support.plans import TEXT, edited


def problems_of(text: str) -> tuple[str, ...]:
    with pytest.raises(PlanError) as caught:
        parse_plan(text)
    return caught.value.problems


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("strategy: warm", "strategy: on", "strategy: on is a truth value in YAML 1.1"),
        ("database: ultramarket", "database: yes", "datasets.postgres.database: yes is a truth value"),
        ("database: ultramarket", "database: NO", "datasets.postgres.database: NO is a truth value"),
        ("failures: 1", "failures: 010", "dns.health_check.failures: 010 begins with 0"),
        ("failures: 1", "failures: 0o10", "0o10 is octal"),
        ("\nsites:", "\nbackup_account: 010987654321\nsites:", "or in quotes where the digits are a name"),
        (
            "\nsites:",
            '\nbackup_account: "21098765432"\nsites:',
            "expected the 12 digits of an AWS account in quotes, found '2",
        ),
        ("failures: 1", "failures: 0x10", "0x10 is not decimal"),
        ("failures: 1", "failures: 1_0", "1_0 has _ in a number"),
        ("ttl: 10s", "ttl: 1:30", "dns.ttl: 1:30 is a number to base 60"),
        ("database: ultramarket", "database: 2026-01-01", "2026-01-01 is a date"),
        ("ttl: 10s", "ttl: &short 10s", "dns.ttl: &short is an anchor"),
        ("ttl: 10s", "ttl: *short", "dns.ttl: *short refers to an anchor"),
        ("dns:\n", "dns:\n  <<: {ttl: 10s}\n", "dns: << merges another mapping in"),
        ("ttl: 10s", "ttl: !!str 10s", "dns.ttl: a tag, tag:yaml.org,2002:str"),
        ("  ttl: 10s", "\tttl: 10s", "a tab; YAML is indented with spaces"),
        ('"*/5 * * * *"', "*/5 * * * *", "a value that begins with *, &, %, @ or ` stands in quotes"),
        ("reason: changes come", "reason: note: changes come", "a value with ': ' in it stands in quotes"),
        ("failures: 1", "failures: .inf", ".inf is no number a plan can use"),
        ("notify:", "---\nnotify:", "a second document begins here"),
        ("ttl: 10s", "ttl:", "dns.ttl: expected a duration such as 30s, 15m, 4h, 7d or 7y, found nothing"),
        ("database: ultramarket", "database: 12", "expected text, found 12; put it in quotes"),
        ("failures: 1", "failures: one", "dns.health_check.failures: expected a whole number, found 'one'"),
        ("witness: {region: us-east-2}", "witness: us-east-2", "sites.witness: expected a mapping"),
    ],
)
def test_a_trap_is_named_with_its_line(right: str, wrong: str, said: str) -> None:
    text = edited((right, wrong))
    (found,) = [each for each in problems_of(text) if said in each]
    line = int(found.removeprefix("line ").partition(":")[0])
    first = TEXT[: TEXT.index(right)].count("\n") + 1
    assert first <= line <= first + 1


def test_a_trap_is_told_once_and_hides_no_other_mistake() -> None:
    found = problems_of(edited(("failures: 1", "failures: 010"), ("rto: 4h", "rto: soon")))
    assert [each.split(": ")[1] for each in found] == ["objectives.rto", "dns.health_check.failures"]


def test_quotes_disarm_every_trap() -> None:
    assert parse_plan(edited(("database: ultramarket", 'database: "yes"'))).datasets.postgres.database == "yes"


def test_an_alias_bomb_is_refused_before_it_grows() -> None:
    rows = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    assert any("&a0 is an anchor" in each for each in problems_of("\n".join(rows)))


def test_depth_is_bounded_and_said() -> None:
    assert any("nested more than 20 levels deep" in each for each in problems_of("a: " + "[" * 60 + "]" * 60))


def test_a_huge_file_is_refused_without_being_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "recovery.yaml"
    with path.open("wb") as file:
        file.truncate(10 * 1024**3)
    with pytest.raises(PlanError, match=rf"larger than {MOST_BYTES // 1024} KiB"):
        load_plan(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"# only a comment\n", "the file is empty"),
        (b"objectives:\n  rto: \xff\xfe\n", "line 2: cannot be read: it is not UTF-8 text"),
        (b"objectives:\n  rto: \x00\n", "line 2: a control character"),
        (b"\x7fELF\x02\x01\x01", "line 1: "),
        ("objectives: 1".encode("utf-16"), "line 1: cannot be read: it is not UTF-8 text"),
    ],
)
def test_a_file_that_is_no_text_is_named_as_such(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "recovery.yaml"
    path.write_bytes(content)
    with pytest.raises(PlanError) as caught:
        load_plan(path)
    assert said in caught.value.problems[0]


def test_a_folder_and_an_impossible_name_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, Path("a\0b"), tmp_path / ("x" * 5000)):
        with pytest.raises(PlanError, match="cannot be read"):
            load_plan(path)


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(tmp_path: Path) -> None:
    path = tmp_path / "recovery.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode())
    assert load_plan(path).digest == parse_plan(TEXT).digest


def test_a_flood_of_problems_is_cut_short() -> None:
    found = problems_of("\n".join(f"key{n}: {n}" for n in range(500)))
    assert len(found) == 101
    assert found[-1].startswith("and ")


@pytest.mark.parametrize("hidden", ["\r", "\x85", "\u2028", "\u2029"])
def test_a_comment_does_not_end_where_no_editor_shows_a_line_break(hidden: str) -> None:
    with pytest.raises(NotYaml, match=r"line 2: .* ends a line for YAML alone"):
        read_yaml(f"a: 1\n# a comment{hidden}b: 2\n")
    assert read_yaml("a: 1\r\nb: 2\r\n").value == {"a": 1, "b": 2}

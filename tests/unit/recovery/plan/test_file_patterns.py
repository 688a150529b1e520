"""What a pattern of files matches, and what is no pattern."""

import pytest

from recovery.plan.file_patterns import Patterns, problem


@pytest.mark.parametrize(
    ("pattern", "matches", "not_these"),
    [
        ("tmp", ["tmp", "a/tmp", "a/b/tmp"], ["tmp2", "atmp", "tmp/x"]),
        ("*.tmp", ["a.tmp", "x/.tmp", "x/a.b.tmp"], ["a.tmp.gz", "tmp"]),
        ("var/cache", ["var/cache"], ["a/var/cache", "var/cache2", "var/cache/x"]),
        ("var/*", ["var/a"], ["var/a/b", "var"]),
        ("var/**", ["var/a", "var/a/b/c"], ["var", "x/var/a"]),
        ("**/logs/*.log", ["logs/a.log", "a/b/logs/c.log"], ["logs/a/b.log"]),
        ("a/**/z", ["a/z", "a/b/z", "a/b/c/z"], ["az", "b/a/z"]),
        ("file?", ["file1", "a/fileX"], ["file", "file12", "file/"]),
        ("a.b", ["a.b"], ["axb"]),
        ("[ab]", ["[ab]"], ["a", "b"]),
        ("new*line", ["new\nline", "newline"], ["new/line"]),
        ("*.pem", ["x\udcff.pem"], []),
    ],
)
def test_a_pattern_matches_what_it_says(pattern: str, matches: list[str], not_these: list[str]) -> None:
    assert problem(pattern) == ""
    patterns = Patterns([pattern])
    assert [each for each in matches if not patterns.match(each)] == []
    assert [each for each in not_these if patterns.match(each)] == []


@pytest.mark.parametrize(
    "pattern", ["/etc", "a/", "a//b", "../x", "a/../b", "./a", "*", "**", "**/*", "a**", "a\nb", "a/**b/c"]
)
def test_what_is_no_pattern_is_told(pattern: str) -> None:
    assert problem(pattern).startswith("expected ")


def test_patterns_that_matched_nothing_are_known() -> None:
    patterns = Patterns(["tmp", "*.log", "a.log"])
    assert patterns.match("a.log") and not patterns.match("b")
    assert patterns.matched == {"*.log", "a.log"} and patterns.idle == ("tmp",)
    assert Patterns([]).match("") is False


def test_what_lies_in_a_matched_folder_is_matched_within() -> None:
    patterns = Patterns(["conf"])
    assert patterns.match_within("conf/a/b") and not patterns.match_within("config/a")

"""Lifecycle rules that S3 refuses, or takes for something else than is meant: each is refused by name."""

from copy import deepcopy
from typing import Any

import pytest

from tests.support.lifecycle_oracle import lifecycle_problems

WRITTEN = ["postgres/full/", "pointers/"]
KEPT: dict[str, Any] = {
    "ID": "leftovers",
    "Status": "Enabled",
    "Filter": {"Prefix": ""},
    "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2},
    "Expiration": {"ExpiredObjectDeleteMarker": True},
}
ARCHIVE: dict[str, Any] = {
    "ID": "archive",
    "Status": "Enabled",
    "Filter": {"And": {"Prefix": "postgres/full/", "ObjectSizeGreaterThan": 1048576}},
    "Transitions": [
        {"Days": 30, "StorageClass": "STANDARD_IA"},
        {"Days": 90, "StorageClass": "GLACIER"},
        {"Days": 365, "StorageClass": "DEEP_ARCHIVE"},
    ],
}
# The original document's rule, less the comment that kept it from being JSON.
SEED: dict[str, Any] = {
    "ID": "UltraMarketBackupLifecycle",
    "Status": "Enabled",
    "Filter": {"Prefix": "ultramarket-backups/"},
    "Transitions": ARCHIVE["Transitions"],
    "Expiration": {"Days": 2555},
}


def names(*rules: dict[str, Any]) -> set[str]:
    return {problem.name for problem in lifecycle_problems(rules, WRITTEN)}


def move(*steps: tuple[int, str]) -> dict[str, Any]:
    return {"Transitions": [{"Days": days, "StorageClass": storage} for days, storage in steps]}


def test_sound_rules_have_no_problem() -> None:
    assert lifecycle_problems([KEPT, ARCHIVE], WRITTEN) == []


def test_the_original_document_s_rule_is_refused_for_each_of_its_faults() -> None:
    assert names(SEED) == {
        "matches-nothing",
        "ends-current",
        "noncurrent-forever",
        "uploads-forever",
        "small-objects",
    }


TAGGED = {"Filter": {"Tag": {"Key": "a", "Value": "b"}}}
SIZED = {"Filter": {"And": {"Prefix": "postgres/full/", "ObjectSizeGreaterThan": 1048576}}}


@pytest.mark.parametrize(
    ("name", "rule", "change"),
    [
        ("ia-too-early", ARCHIVE, move((29, "STANDARD_IA"), (90, "GLACIER"))),
        ("ia-too-early", ARCHIVE, move((0, "ONEZONE_IA"))),
        ("class-gap", ARCHIVE, move((30, "STANDARD_IA"), (59, "GLACIER"))),
        ("class-gap", ARCHIVE, move((30, "GLACIER"), (119, "DEEP_ARCHIVE"))),
        ("class-order", ARCHIVE, move((30, "GLACIER"), (130, "STANDARD_IA"))),
        ("class-order", ARCHIVE, move((30, "DEEP_ARCHIVE"), (130, "GLACIER"))),
        ("class-twice", ARCHIVE, move((30, "GLACIER"), (130, "GLACIER"))),
        ("class", ARCHIVE, move((30, "GLACIAL"))),
        ("days", ARCHIVE, move((-1, "GLACIER"))),
        ("days", ARCHIVE, {"NoncurrentVersionTransitions": [{"NoncurrentDays": -1, "StorageClass": "GLACIER"}]}),
        ("days", KEPT, {"NoncurrentVersionExpiration": {"NoncurrentDays": 0}}),
        ("days", KEPT, {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 0}}),
        ("days", KEPT, {"Expiration": {"Days": 1.5}}),
        ("move-after-end", ARCHIVE, {"Expiration": {"Days": 365}}),
        (
            "move-after-end",
            KEPT,
            {"NoncurrentVersionTransitions": [{"NoncurrentDays": 30, "StorageClass": "GLACIER"}]},
        ),
        ("date-and-days", ARCHIVE, {"Expiration": {"Date": "2030-01-01T00:00:00Z"}}),
        ("ends-current", KEPT, {"Expiration": {"Days": 2555}}),
        ("ends-current", KEPT, {"Expiration": {"Date": "2030-01-01T00:00:00Z"}}),
        ("marker-with-days", KEPT, {"Expiration": {"Days": 7, "ExpiredObjectDeleteMarker": True}}),
        ("marker-with-tags", KEPT, TAGGED),
        ("marker-with-size", KEPT, SIZED),
        ("abort-with-tags", KEPT, TAGGED),
        ("abort-with-size", KEPT, SIZED),
        ("small-objects", ARCHIVE, {"Filter": {"Prefix": "postgres/full/"}}),
        ("small-objects", ARCHIVE, {"Filter": {"And": {"Prefix": "postgres/full/", "ObjectSizeGreaterThan": 1000}}}),
        ("small-objects", ARCHIVE, {"Filter": {"ObjectSizeLessThan": 1048576}}),
        ("matches-nothing", ARCHIVE, {"Filter": {"Prefix": "/postgres/full/"}}),
        ("noncurrent-forever", KEPT, {"NoncurrentVersionExpiration": None}),
        ("noncurrent-forever", KEPT, {"Filter": {"Prefix": "postgres/full/"}}),
        ("noncurrent-forever", KEPT, {"Status": "Disabled"}),
        ("uploads-forever", KEPT, {"AbortIncompleteMultipartUpload": None}),
        ("id-length", KEPT, {"ID": "x" * 256}),
        ("id-length", KEPT, {"ID": None}),
        ("id-twice", KEPT, {"ID": "archive"}),
        ("status", KEPT, {"Status": "enabled"}),
        ("no-filter", KEPT, {"Filter": None, "Prefix": ""}),
        ("filter-form", ARCHIVE, {"Filter": {"Prefix": "postgres/full/", "ObjectSizeGreaterThan": 1048576}}),
        ("filter-form", ARCHIVE, {"Filter": {"And": {"Prefix": "postgres/full/"}}}),
        ("no-action", ARCHIVE, {"Transitions": None}),
        ("no-action", ARCHIVE, {"Transitions": []}),
    ],
)
def test_a_bad_rule_is_refused_by_name(name: str, rule: dict[str, Any], change: dict[str, Any]) -> None:
    bad = {key: value for key, value in {**deepcopy(rule), **change}.items() if value is not None}
    other = ARCHIVE if rule is KEPT else KEPT
    assert name in names(bad, other)


def test_no_rules_and_more_than_a_thousand_are_refused() -> None:
    assert "number-of-rules" in names()
    assert "number-of-rules" in names(KEPT, *({**ARCHIVE, "ID": f"archive-{n}"} for n in range(1000)))


def test_a_wider_rule_that_would_win_is_named() -> None:
    undo = {
        **KEPT,
        "ID": "undo",
        "Filter": {"Prefix": "postgres/full/"},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 31},
    }
    (problem,) = lifecycle_problems([KEPT, ARCHIVE, undo], WRITTEN)
    assert (problem.name, problem.rule) == ("undercut", "rule undo")
    assert "noncurrent versions end after 31 days, but rule leftovers covers the same objects after 30" in problem.what
    assert "undercut" not in names({**KEPT, "Status": "Disabled"}, ARCHIVE, undo)


def test_two_rules_that_move_the_same_objects_differently_are_named() -> None:
    assert "undercut" in names(KEPT, ARCHIVE, {**ARCHIVE, "ID": "second", **move((60, "GLACIER"))})


def test_a_problem_says_which_rule_what_and_where_it_is_written() -> None:
    (problem,) = lifecycle_problems([KEPT, {**ARCHIVE, **move((5, "STANDARD_IA"))}], WRITTEN)
    assert str(problem) == (
        "rule archive: STANDARD_IA takes objects from day 30 on, found day 5 [ia-too-early] "
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html"
    )

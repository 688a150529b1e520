"""The order in which workers get the tests' files."""

from collections import OrderedDict

import pytest

from tests.support.plans import ROOT
from tests.support.schedule import SHARING, longest_first, scope_of


def test_what_took_longest_starts_first_and_what_is_new_before_it() -> None:
    queue = OrderedDict.fromkeys(["short", "new", "long", "also new", "longer"])
    longest_first(queue, {"short": 1.0, "long": 2.0, "longer": 3.0})
    assert list(queue) == ["new", "also new", "longer", "long", "short"]


def test_without_any_times_the_order_stays() -> None:
    queue = OrderedDict.fromkeys(["b", "a", "c"])
    longest_first(queue, {})
    assert list(queue) == ["b", "a", "c"]


@pytest.mark.parametrize("files", SHARING)
def test_files_that_share_a_fixture_are_one_scope(files: tuple[str, ...]) -> None:
    assert {scope_of(f"{file}::test_x[a::b]") for file in files} == {files[0]}
    assert all((ROOT / file).exists() for file in files)

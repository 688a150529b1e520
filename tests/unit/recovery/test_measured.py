"""Numbers from the world can be looked up again."""

import re

import pytest

from recovery import measured
from recovery.term import Fact, Measurement, Number

NUMBERS = {name: value for name, value in vars(measured).items() if isinstance(value, Number)}


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_names_its_unit_and_where_it_comes_from(name: str) -> None:
    assert name.endswith(("_SECONDS", "_MINUTES", "_HOURS", "_PER_SECOND", "_A_MONTH", "_UPTIME", "_DOLLARS"))
    match NUMBERS[name].basis:
        case Fact(source):
            assert source.startswith("https://")
        case Measurement(date, how):
            assert re.fullmatch(r"20\d\d-\d\d", date) and how
        case assumption:
            assert assumption.of

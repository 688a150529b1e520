"""The unit tests lie as what they test: a folder here is a folder of the source, a module's test lies where it does."""

from pathlib import Path

import pytest

from tests.support.plans import ROOT

UNIT = ROOT / "tests" / "unit"
TESTS = sorted(path.relative_to(UNIT) for path in UNIT.rglob("test_*.py") if path.parent != UNIT)


def source_of(folder: Path) -> Path:
    """What a folder of tests is about; `support` is beside them."""
    return ROOT / "tests" / folder if folder.parts[0] == "support" else ROOT / folder


@pytest.mark.parametrize("folder", sorted({path.parent for path in TESTS}), ids=str)
def test_a_folder_of_tests_is_a_folder_of_the_source(folder: Path) -> None:
    assert source_of(folder).is_dir()


@pytest.mark.parametrize("path", TESTS, ids=str)
def test_a_test_named_after_a_module_lies_where_the_module_does_and_not_above(path: Path) -> None:
    folder, name = source_of(path.parent), path.name.removeprefix("test_")
    assert (folder / name).exists() or not [each for each in folder.rglob(name) if ".venv" not in each.parts]

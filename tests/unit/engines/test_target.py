"""Whose a restore's target will be."""

import os
import pwd
from pathlib import Path

import pytest

from engines.target import owner_of
from recovery.errors import Refused


def of(wanted: str, into: Path = Path("/nowhere/data")) -> int | None:
    return owner_of(into, wanted, server="PostgreSQL", user="postgres")


def nobody_knows(_: object) -> None:
    raise KeyError


def test_who_is_not_root_restores_for_itself_also_under_a_number_that_no_account_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As in a Pod: the runner's uid is in no passwd."""
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    monkeypatch.setattr(pwd, "getpwuid", nobody_knows)
    assert of("") is None and of("54321") is None
    with pytest.raises(Refused, match="only root can restore for 999"):
        of("999")


def test_a_user_that_is_not_there_is_refused_whoever_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pwd, "getpwnam", nobody_knows)
    for uid in (0, 54321):
        monkeypatch.setattr(os, "geteuid", lambda uid=uid: uid)
        for wanted in ("posgres", "\N{SUPERSCRIPT TWO}"):
            with pytest.raises(Refused, match=f"there is no user {wanted}"):
                of(wanted)


def test_root_restores_for_the_folder_s_owner_or_whom_it_names_and_never_for_itself(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert of("999") == 999
    if (tmp_path.stat().st_uid) == 0:
        with pytest.raises(Refused, match="does not run as root"):
            of("", tmp_path / "data")

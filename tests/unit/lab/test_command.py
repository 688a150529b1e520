"""`make lab` before anything is started."""

from pathlib import Path

import pytest

from lab import __main__ as lab


def test_a_wrong_plan_is_told_without_a_traceback_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (lab.ROOT / "recovery.yaml").read_text()
    (tmp_path / "recovery.yaml").write_text(text.replace("  rto: 4h", "  rtoo: 4h", 1))
    monkeypatch.setattr(lab, "ROOT", tmp_path)
    assert lab.tell(None) == 2
    assert "objectives.rtoo: unknown key" in capsys.readouterr().out.replace("\n", " ")

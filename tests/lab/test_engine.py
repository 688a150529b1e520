"""What the engine's children see, and how its answers are read."""

import json
from pathlib import Path

import pytest

from lab.machine.engine import Engine, EngineError, Result, with_steps

URN = "urn:pulumi:dev::scratch::aws:s3/bucket:Bucket::"


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    for name in (
        "AWS_PROFILE",
        "AWS_SESSION_TOKEN",
        "PULUMI_ACCESS_TOKEN",
        "KUBECONFIG",
        "LAB_STATE_DIR",
        "PYTHONPATH",
    ):
        monkeypatch.setenv(name, "/somebody/elses")
    env = {"LAB_RUN": "test", "LAB_BIN": "/tools", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    return Engine(tmp_path / "project", tmp_path / "home", env, tmp_path / "bin")


def test_73_nothing_of_the_callers_settings_reaches_the_engine(engine: Engine) -> None:
    assert not [key for key, value in engine.env.items() if "/somebody/elses" in value]
    assert "AWS_PROFILE" not in engine.env
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "KUBECONFIG"):
        assert not Path(engine.env[name]).exists()
    assert engine.env["PULUMI_BACKEND_URL"] == f"file://{engine.home}/state"
    assert engine.env["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"


def test_the_plugins_are_first_on_the_engines_path_and_on_no_other(engine: Engine, tmp_path: Path) -> None:
    assert engine.env["PATH"].split(":")[:2] == [str(tmp_path / "bin"), "/tools"]
    assert sorted(path.name for path in (tmp_path / "bin").iterdir()) == [
        "lab-python",
        "pulumi-resource-aws",
        "pulumi-resource-kubernetes",
    ]


def test_a_preview_counts_what_would_not_stay_as_it_is() -> None:
    steps = [
        {"op": "same", "urn": f"{URN}a"},
        {"op": "refresh", "urn": f"{URN}b"},
        {"op": "update", "urn": f"{URN}c", "detailedDiff": {"tags.x": {"kind": "update"}}},
        {"op": "replace", "urn": f"{URN}d", "detailedDiff": {"bucket": {}}, "replaceReasons": ["bucket"]},
    ]
    said = [{"severity": "error", "message": "wrong\n"}, {"severity": "debug", "message": "noise"}]
    text = "a line before\n" + json.dumps({"steps": steps, "diagnostics": said})
    result = with_steps(Result(("preview",), 0, text, ""))
    assert result.changes == 2
    assert [(step.name, step.changed, step.replaces) for step in result.changed] == [
        ("c", ("tags.x",), ()),
        ("d", ("bucket",), ("bucket",)),
    ]
    assert result.tail() == "wrong"


def test_a_run_that_failed_is_raised_with_its_last_words() -> None:
    with pytest.raises(EngineError, match=r"(?s)`pulumi up` exited with code 4:.*bucket is taken"):
        Result(("up",), 4, "", "bucket is taken").must()

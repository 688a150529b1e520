"""The comment on a pull request: plan, previews and review of every stack; the engine only plays its answers."""

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.review_preview import SECRET, preview, step

ROOT = Path(__file__).resolve().parents[2]
VERSIONED = "aws:s3/bucketVersioning:BucketVersioning"
WEAKER = step(
    "update",
    VERSIONED,
    "backups-versioning",
    {"versioningConfiguration": {"status": "Enabled"}},
    {"versioningConfiguration": {"status": "Suspended"}},
)
TAGGED = step("update", "aws:iam/role:Role", "writer", {"tags": {"a": "b"}}, {"tags": {"a": SECRET}})


def _program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def comment(
    folder: Path, *steps: dict[str, Any], code: int = 0, plan: str = "recovery.yaml", root: Path = ROOT
) -> tuple[int, str, str]:
    """(exit code, comment, what the workflow's log shows)."""
    tools = folder / "bin"
    tools.mkdir()
    (folder / "preview.json").write_text(preview(*steps))
    _program(tools / "uv", f'shift 2; exec "{Path(sys.executable).parent}/$@"')
    _program(tools / "pulumi", f"cat {folder}/preview.json; echo password=hunter2 >&2; exit {code}")
    done = subprocess.run(
        [str(root / "tools" / "preview-comment"), str(folder / "previews"), str(folder / "comment.md"), "prod", "dr"],
        cwd=root,
        env={**os.environ, "PATH": f"{tools}:/usr/bin:/bin", "DR_PLAN": plan},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, (folder / "comment.md").read_text(), done.stdout + done.stderr


def test_a_harmless_change_passes_with_a_comment_that_is_found_again(tmp_path: Path) -> None:
    code, text, log = comment(tmp_path, TAGGED)
    assert code == 0, text
    assert text.startswith("<!-- ultramarket-dr preview -->\n### Preview: nothing objectionable (2 neutral)\n")
    assert "<summary>Plan and budget</summary>" in text
    assert "Objectives" in text
    assert "hunter2" not in text + log


def test_a_weakening_fails_and_is_shown_open(tmp_path: Path) -> None:
    code, text, _ = comment(tmp_path, WEAKER)
    assert code == 1
    assert "### Preview: 2 objections (2 weaker)" in text
    assert "<details open><summary>Review" in text
    assert "an overwrite would be final" in text


def test_a_preview_that_failed_fails_and_says_so_without_the_engines_words(tmp_path: Path) -> None:
    code, text, log = comment(tmp_path, TAGGED, code=255)
    assert code == 2
    assert "**A preview failed**" in text
    assert "hunter2" not in text + log


def test_a_plan_that_cannot_be_read_fails(tmp_path: Path) -> None:
    code, text, _ = comment(tmp_path, TAGGED, plan="nowhere.yaml")
    assert code == 2
    assert "**The plan does not keep its objectives.**" in text


def test_a_pull_request_does_not_waive_itself_when_the_base_branch_has_no_waivers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "repository"
    shutil.copytree(ROOT / "tools", own / "tools", ignore=shutil.ignore_patterns("setup"))
    shutil.copy(ROOT / "recovery.yaml", own)
    about = "resource: backups-versioning, property: versioningConfiguration, who: me"
    (own / "waivers.yaml").write_text(f"waivers: [{{{about}, why: it is just fine, until: 9999-01-01}}]\n")
    monkeypatch.setenv("PATH_OF_WAIVERS", "base/waivers.yaml")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    code, text, _ = comment(tmp_path, WEAKER, root=own)
    assert code == 1
    assert "waived" not in text


@pytest.fixture
def workflow() -> dict[Any, Any]:
    return yaml.safe_load((ROOT / ".github" / "workflows" / "preview.yml").read_text())


def test_the_workflow_has_the_least_rights_and_pins_every_action(workflow: dict[Any, Any]) -> None:
    (job,) = workflow["jobs"].values()
    assert workflow["permissions"] == {}
    assert job["permissions"] == {"contents": "read", "id-token": "write", "pull-requests": "write"}
    actions = [each["uses"] for each in job["steps"] if "uses" in each]
    assert all(len(each.partition("@")[2]) == 40 for each in actions), actions
    assert "secrets." not in json.dumps(workflow)
    assert "github.event.pull_request.title" not in json.dumps(workflow)


def test_the_workflow_installs_the_engine_we_are_tested_with(workflow: dict[Any, Any]) -> None:
    (job,) = workflow["jobs"].values()
    (version,) = [each["with"]["pulumi-version"] for each in job["steps"] if "pulumi-version" in each.get("with", {})]
    assert f'"pulumi=={version}"' in (ROOT / "pyproject.toml").read_text()

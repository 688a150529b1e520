"""The comment on a pull request: plan, previews and review of every stack; the engine only plays its answers."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.plans import ROOT
from tests.support.preview_comment import comment
from tests.support.review_preview import SECRET, step

VERSIONED = "aws:s3/bucketVersioning:BucketVersioning"
WEAKER = step(
    "update",
    VERSIONED,
    "backups-versioning",
    {"versioningConfiguration": {"status": "Enabled"}},
    {"versioningConfiguration": {"status": "Suspended"}},
)
TAGGED = step("update", "aws:iam/role:Role", "writer", {"tags": {"a": "b"}}, {"tags": {"a": SECRET}})


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


def test_a_stack_that_is_not_previewed_is_named(tmp_path: Path) -> None:
    _, text, _ = comment(tmp_path, TAGGED, stacks="foundation")
    assert "**Not previewed here:** prod dr. Preview and review it by hand" in text


def test_with_all_stacks_previewed_none_is_named(tmp_path: Path) -> None:
    _, text, _ = comment(tmp_path, TAGGED, stacks="foundation prod dr")
    assert "Not previewed here" not in text


def test_a_plan_that_cannot_be_read_fails(tmp_path: Path) -> None:
    code, text, _ = comment(tmp_path, TAGGED, plan="nowhere.yaml")
    assert code == 2
    assert "**The plan does not keep its objectives.**" in text


@pytest.fixture
def head(tmp_path: Path) -> Path:
    """A pull request's checkout, beside the judge's."""
    own = tmp_path / "head"
    names = shutil.ignore_patterns("__pycache__", ".venv", "setup")
    for each in ("cloud", "components", "engines", "infra", "operations", "policy", "recovery", "scripts", "tools"):
        shutil.copytree(ROOT / each, own / each, ignore=names)
    shutil.copy(ROOT / "recovery.yaml", own)
    return own


def test_a_pull_request_does_not_waive_itself(tmp_path: Path, head: Path) -> None:
    about = "resource: backups-versioning, property: versioningConfiguration, who: me"
    (head / "waivers.yaml").write_text(f"waivers: [{{{about}, why: it is just fine, until: 2027-01-01}}]\n")
    code, text, _ = comment(tmp_path, WEAKER, head=head)
    assert code == 1
    assert "waived" not in text


@pytest.mark.parametrize("disarmed", ["policy/review/review.py", "scripts/review.py", "tools/preview-comment"])
def test_a_pull_request_is_judged_by_the_base_branch_s_rules_and_not_by_its_own(
    tmp_path: Path, head: Path, disarmed: str
) -> None:
    (head / disarmed).write_text("raise SystemExit(0)\n")
    code, text, _ = comment(tmp_path, WEAKER, head=head)
    assert code == 1
    assert "### Preview: 2 objections (2 weaker)" in text


def test_the_plan_is_the_pull_request_s_own(tmp_path: Path, head: Path) -> None:
    (head / "recovery.yaml").write_text("version: unheard of\n")
    code, text, _ = comment(tmp_path, TAGGED, head=head)
    assert code == 2
    assert "**The plan does not keep its objectives.**" in text


@pytest.fixture
def workflow() -> dict[Any, Any]:
    return yaml.safe_load((ROOT / ".github" / "workflows" / "preview.yml").read_text())


def test_the_workflow_has_the_least_rights_and_pins_every_action(workflow: dict[Any, Any]) -> None:
    jobs = workflow["jobs"]
    assert workflow["permissions"] == jobs["own-branch"]["permissions"] == {}
    assert jobs["preview"]["permissions"] == {"contents": "read", "id-token": "write", "pull-requests": "write"}
    actions = [each["uses"] for job in jobs.values() for each in job["steps"] if "uses" in each]
    assert all(len(each.partition("@")[2]) == 40 for each in actions), actions
    assert "secrets." not in json.dumps(workflow)
    assert "github.event.pull_request.title" not in json.dumps(workflow)


def test_the_workflow_takes_the_whole_judge_from_the_base_branch(workflow: dict[Any, Any]) -> None:
    steps = workflow["jobs"]["preview"]["steps"]
    checkouts = {each["with"]["path"]: each["with"] for each in steps if "checkout" in each.get("uses", "")}
    assert set(checkouts) == {"head", "base"}
    assert "ref" not in checkouts["head"]
    assert checkouts["base"]["ref"] == "${{ github.event.pull_request.base.sha }}"
    assert "sparse-checkout" not in checkouts["base"]
    (review,) = [each for each in steps if each.get("id") == "review"]
    assert review["working-directory"] == "head"
    assert review["run"].startswith("../base/tools/preview-comment ")


def test_a_fork_fails_a_job_that_is_never_skipped_and_no_path_is_left_out(workflow: dict[Any, Any]) -> None:
    job = workflow["jobs"]["own-branch"]
    assert "if" not in job
    (step,) = job["steps"]
    assert step["if"] == "github.event.pull_request.head.repo.full_name != github.repository"
    assert step["run"].strip().endswith("exit 1")
    assert workflow[True] == "pull_request"  # YAML 1.1 reads `on` as a truth value


def test_whoever_changes_the_judge_needs_the_agreement_of_its_owners() -> None:
    lines = (ROOT / ".github" / "CODEOWNERS").read_text().splitlines()
    owned = {line.split()[0]: line.split()[1:] for line in lines if line and not line.startswith("#")}
    for path in ("/.github/", "/policy/", "/tools/", "/waivers.yaml"):
        assert owned[path] == ["@ultramarket/dr"]


def test_the_workflow_installs_the_engine_we_are_tested_with(workflow: dict[Any, Any]) -> None:
    steps = workflow["jobs"]["preview"]["steps"]
    (version,) = [each["with"]["pulumi-version"] for each in steps if "pulumi-version" in each.get("with", {})]
    assert f'"pulumi=={version}"' in (ROOT / "pyproject.toml").read_text()

"""What of the runner's image can be seen without building it."""

import json
import re
import tomllib
from collections.abc import Iterator

import pytest
import yaml

from components.workload import runner_uid
from tests.support.plans import ROOT
from tools.setup.python_env import UV_PACKAGE

FOLDER = ROOT / "images" / "runner"
TEXT = (FOLDER / "Dockerfile").read_text()
IGNORED = (FOLDER / "Dockerfile.dockerignore").read_text()
PROGRAMS = (FOLDER / "install-programs.sh").read_text()
WORKFLOW = (ROOT / ".github" / "workflows" / "runner-image.yml").read_text()


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """(instruction, what follows), continued lines joined, comments left out."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if line.strip():
            name, _, rest = line.strip().partition(" ")
            yield name, " ".join(rest.split())


FOUND = list(instructions(TEXT))
LAST_STAGE = FOUND[max(number for number, (name, _) in enumerate(FOUND) if name == "FROM") :]


def values(name: str, found: list[tuple[str, str]] = FOUND) -> list[str]:
    return [rest for each, rest in found if each == name]


def test_every_stage_starts_from_the_base_that_is_named_by_digest_and_by_nothing_else() -> None:
    assert [rest.split()[0] for rest in values("FROM")] == ["${BASE_IMAGE}", "${BASE_IMAGE}"]
    assert FOUND[0] == ("ARG", "BASE_IMAGE")  # without a default
    (check,) = [rest for rest in values("RUN") if "*@sha256:*) ;;" in rest]
    assert "exit 1" in check
    assert "latest" not in TEXT


def test_it_runs_as_a_number_that_is_nobody_and_is_the_pods_user() -> None:
    (user,) = values("USER")
    assert user == f"{runner_uid()}:{runner_uid()}"
    assert LAST_STAGE.index(("USER", user)) > max(
        n for n, (name, _) in enumerate(LAST_STAGE) if name in ("RUN", "COPY")
    )
    assert f"useradd --uid {runner_uid()} " in PROGRAMS


def test_a_silent_source_of_postgresql_ends_the_build_instead_of_debian_s_package_in_its_place() -> None:
    before, after = PROGRAMS.split("/etc/apt/sources.list.d/pgdg.list\n", 1)
    update = after.index("\napt-get update --error-on=any\n")
    assert "signed-by=$key" in before and update < after.index('get "postgresql-$major"')


def test_it_starts_dr_as_its_pods_and_people_call_it() -> None:
    assert json.loads(values("ENTRYPOINT")[0]) == ["dr"]
    path = re.search(r"PATH=(\S+)", values("ENV")[0])
    assert path and path[1].split(":")[:2] == ["/opt/dr/bin", "/usr/lib/postgresql/${PG_MAJOR}/bin"]
    assert "/usr/sbin" in path[1].split(":")  # HAProxy's place


def test_no_secret_can_get_in() -> None:
    for name in ("ARG", "ENV"):
        assert [each for each in values(name) if re.search(r"(?i)password|secret|token|key", each)] == []
    assert not values("ADD")
    kept = {line.removeprefix("!") for line in IGNORED.splitlines() if line.startswith("!")}
    assert IGNORED.splitlines()[1] == "*"
    packaged = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert kept == {"pyproject.toml", "uv.lock", "README.md", "LICENSE", "images/runner", *packaged["only-include"]}
    for secret in (".env", ".git", ".lab", "Pulumi.prod.yaml"):
        assert not any(secret.startswith(name) for name in kept)


def test_its_python_packages_are_those_of_the_lock_and_uv_is_the_set_up_s() -> None:
    assert f"uv=={values('ARG')[2].removeprefix('UV_VERSION=')}" == UV_PACKAGE
    assert "--locked --no-dev --no-editable" in (FOLDER / "install-dr.sh").read_text()


def test_programs_come_from_postgresql_s_packages_under_debian_s_key() -> None:
    assert "deb [signed-by=$key] https://apt.postgresql.org/" in PROGRAMS
    assert "curl" not in PROGRAMS and "wget" not in PROGRAMS and "trusted=yes" not in PROGRAMS
    (packages,) = re.findall(r'^get "postgresql-\$major" (.*)$', PROGRAMS, re.MULTILINE)
    assert set(packages.split()) >= {"haproxy", "python3", "tzdata", "bash", "coreutils"}
    assert "ca-certificates" in PROGRAMS


@pytest.fixture(scope="module")
def steps() -> list[dict[str, str]]:
    """The workflow's steps."""
    return yaml.safe_load(WORKFLOW)["jobs"]["build"]["steps"]


def test_the_workflow_builds_every_supported_major_and_pushes_what_it_has_tried(steps: list[dict[str, str]]) -> None:
    majors = yaml.safe_load(WORKFLOW)["jobs"]["build"]["strategy"]["matrix"]["pg"]
    (supported,) = re.findall(r"^(\d+(?: \| \d+)+)\) ;;$", PROGRAMS, re.MULTILINE)
    assert majors == supported.split(" | ")
    names = [step.get("name", "") for step in steps]
    assert names.index("Build") < names.index("Try it as its Pods run it") < names.index("Push")
    push = steps[names.index("Push")]
    assert push["if"] == "github.ref == 'refs/heads/main'"
    assert "--sbom=true --provenance=mode=max" in push["run"]
    assert "containerimage.digest" in push["run"] and "GITHUB_STEP_SUMMARY" in push["run"]


def test_the_workflow_can_be_run_by_hand_and_builds_nothing_for_a_fork() -> None:
    """As docs/first-account.md does, with `gh workflow run`. `on` is YAML's word for true."""
    workflow = yaml.safe_load(WORKFLOW)
    assert "workflow_dispatch" in workflow[True]
    only = "github.event_name != 'pull_request' || github.event.pull_request.head.repo.full_name == github.repository"
    assert workflow["jobs"]["build"]["if"] == only


def test_the_workflow_takes_actions_by_commit_and_keeps_no_secret(steps: list[dict[str, str]]) -> None:
    for step in steps:
        assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", step.get("uses", f"a@{'0' * 40}"))
    assert "secrets." not in WORKFLOW
    assert yaml.safe_load(WORKFLOW)["permissions"] == {}

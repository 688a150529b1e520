"""What ends copies: a Job a bucket at both sites, under the pruner's role, that reaches AWS and nothing else."""

from pathlib import Path
from typing import Any

import pytest

from recovery.names import COMPONENT
from tests.support import stacks
from tests.support.plans import edited, with_account
from tests.support.pods import declared
from tests.support.project import in_the_project as in_the_project  # a fixture


def spec(stack: str, name: str) -> Any:
    (found,) = [each.inputs["spec"] for each in declared(stack) if each.name == name]
    return found


@pytest.mark.parametrize("stack", ["prod", "dr"])
@pytest.mark.parametrize("bucket", ["prod", "dr"])
def test_each_bucket_has_its_own_job_at_each_site(stack: str, bucket: str) -> None:
    job = spec(stack, f"prune-{bucket}")
    assert (job["schedule"], job["concurrencyPolicy"]) == ("40 */6 * * *", "Forbid")
    assert job["jobTemplate"]["spec"]["activeDeadlineSeconds"] == 3600
    pod = job["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["command"] == ["dr", "prune", "--bucket", bucket, "--if-active", "--execute"]
    assert {each["name"]: each.get("value") for each in container["env"]}["DR_SITE"] == stack
    assert (pod["serviceAccountName"], pod["automountServiceAccountToken"]) == ("dr-pruner", False)


@pytest.mark.parametrize("stack", ["prod", "dr"])
def test_its_role_is_the_pruner_s(stack: str) -> None:
    (made,) = [each for each in declared(stack) if each.name == "prune-identity"]
    assert made.inputs["roleArn"].endswith("role/ultramarket-dr-pruner")


def test_at_the_dr_site_it_reaches_aws_and_nothing_else() -> None:
    def chosen(policy: str) -> list[str]:
        return spec("dr", policy)["podSelector"]["matchExpressions"][0]["values"]

    labels = spec("dr", "prune-dr")["jobTemplate"]["spec"]["template"]["metadata"]["labels"]
    assert labels[COMPONENT] == "pruner" and "pruner" in chosen("default-deny-aws")
    assert "pruner" not in chosen("default-deny-runners")


def test_copies_in_an_account_of_their_own_it_only_looks_at(tmp_path: Path) -> None:
    path = tmp_path / "recovery.yaml"
    path.write_text(edited(with_account("210987654321")))
    jobs = {each.name: each.inputs for each in stacks.declare("prod", {"plan": str(path)})}

    def command(name: str) -> list[str]:
        return jobs[name]["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["command"]

    assert "--execute" in command("prune-prod") and "--execute" not in command("prune-dr")

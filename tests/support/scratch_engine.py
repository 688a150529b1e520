"""A scratch project on Pulumi's real engine: one of the programs in `programs`, one stack."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from lab.machine import binaries
from lab.machine.engine import Engine, Result
from tests.support.plans import ROOT

PROGRAMS = ROOT / "tests" / "lab" / "programs"
STACK = "dev"
NODES = "aws:ec2/launchTemplate:LaunchTemplate"
"""Of EC2, but made with the cluster rather than with the network."""
MakeEngine = Callable[..., Engine]


@pytest.fixture
def make_engine(tmp_path: Path) -> MakeEngine:
    """An engine on one of the programs, with its config and environment."""
    tools = str(binaries.find().bin)

    def make(program: str, config: dict[str, str], env: dict[str, str]) -> Engine:
        project = tmp_path / "project"
        project.mkdir()
        (project / "Pulumi.yaml").write_text("name: scratch\nruntime: python\n")
        (project / "__main__.py").write_text((PROGRAMS / program).read_text())
        settings = "".join(f"  {key if ':' in key else f'scratch:{key}'}: {value}\n" for key, value in config.items())
        (project / f"Pulumi.{STACK}.yaml").write_text(f"config:\n{settings}")
        common = {"LAB_RUN": "test", "LAB_BIN": tools, "LAB_STATE_DIR": str(tmp_path / "kept")}
        engine = Engine(project, tmp_path / "home", {**common, **env}, tmp_path / "bin")
        engine.init(STACK)
        return engine

    return make


def configure(engine: Engine, key: str, value: object) -> None:
    """Set one of the program's own config values."""
    settings = engine.project_dir / f"Pulumi.{STACK}.yaml"
    content = yaml.safe_load(settings.read_text())
    content["config"][f"scratch:{key}"] = value
    settings.write_text(yaml.safe_dump(content))


def differing(result: Result) -> dict[str, str]:
    """The previewed operation of each resource that would change."""
    found: dict[str, str] = {}
    for step in result.must().changed:
        if step.name != f"scratch-{STACK}" and step.op not in ("delete-replaced", "create-replacement"):
            found[step.name] = step.op
    return found

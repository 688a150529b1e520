"""The three stacks, up once for all tests of a worker that look at them or lay hands on them."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.kubernetes.control_plane import start_clusters
from lab.machine.engine import Result
from lab.machine.processes import wait_until
from lab.project import STACKS
from lab.story.scenario import checks_have_data
from lab.ultramarket import production
from lab.world import World
from policy.review.preview import Preview, parse
from tests.support.review_mutations import REMOVED

ARMED = {
    "foundation:failoverArmed": True,
    "foundation:drLoadBalancer": "ultramarket-dr-edge-1.us-west-2.elb.amazonaws.com",
    "prod:gate": "deployment",
    "prod:primaryPodLabels": {"app": "postgres"},
    "prod:replicaInSite": True,
    "prod:postgresImage": f"ultramarket/postgres@sha256:{'1' * 64}",
    "prod:storageSize": "400Gi",
    "prod:podCidrs": ["127.0.0.0/8"],
}


@dataclass(frozen=True)
class Base:
    """The stacks as they are, and their files to go back to."""

    world: World
    kept: Path

    @property
    def project(self) -> Path:
        return self.world.engine.project_dir

    def preview(self, stack: str, *options: str) -> Preview:
        """What `dr review` reads."""
        result = self.world.engine.run("preview", "--json", "--show-sames", *options, stack=stack)
        return parse(_whole(result), source=stack)

    def restore(self) -> None:
        """Every file as it was."""
        for path in self.kept.iterdir():
            shutil.copy(path, self.project / path.name)


def _whole(result: Result) -> str:
    assert "{" in result.output, result.tail()
    return result.output


@pytest.fixture(scope="session")
def base() -> Iterator[Base]:
    """All three stacks are up on the lab's AWS and two control planes, and production holds the lease. No Pod runs."""
    yield from stacks_up(lambda _: None)


def stacks_up(edit: Callable[[Path], None]) -> Iterator[Base]:
    """The same, of a project that `edit` has changed before."""
    world = World()
    try:
        clusters = world.later(start_clusters, [world.prod, world.dr])
        world.start_aws()
        clusters.result()
        production.create_namespace(world.prod.api(), "ultramarket-production")
        world.make_project()
        configure(world.engine.project_dir, ARMED)
        edit(world.engine.project_dir)
        world.start_dns()
        world.adopt_name()
        for stack in STACKS:
            world.engine.up(stack).must()
        assert world.dr_command("lease", "init", "--site", "prod").returncode == 0
        wait_until(lambda: checks_have_data(world), what="the checks to have data")
        kept = world.folder / "kept"
        kept.mkdir()
        for path in world.engine.project_dir.iterdir():
            if path.is_file():
                shutil.copy(path, kept / path.name)
        yield Base(world, kept)
    finally:
        world.stop()


def configure(project: Path, values: dict[str, Any]) -> None:
    """`stack:key.part` → value, in the stack's file."""
    for place, value in values.items():
        stack, _, path = place.partition(":")
        key, _, part = path.partition(".")
        file = project / f"Pulumi.{stack}.yaml"
        content = yaml.safe_load(file.read_text())
        config, name = content["config"], f"ultramarket-dr:{key}"
        if part:
            config, name = config[name], part
        if value is REMOVED:
            del config[name]
        else:
            config[name] = value
        file.write_text(yaml.safe_dump(content, sort_keys=False))

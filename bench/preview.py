"""What a preview costs: each complete stack on the real engine, beside as many trivial resources on the bare engine.

    uv run python -m bench.preview [--rounds 5]

Brings up the lab's three stacks, then previews each again: nothing to change, as in most pull requests. A trivial
resource is a component without a provider, so the bare engine starts the program's language host and no plugin. The
program under mocks is a fresh process from its start to the last declaration. Medians; only ratios mean anything on a
shared machine.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.row import Row
from lab.machine.engine import Engine
from lab.project import ROOT, STACKS
from lab.story.progress import Progress
from lab.story.scenario import Scenario
from lab.world import World

TRIVIAL = """import pulumi
for number in range({count}):
    pulumi.ComponentResource("bench:index:Trivial", f"trivial-{{number}}", {{"number": number}})
"""
MOCKED = (
    "from infra import no_garbage_collection; no_garbage_collection.rest(); "
    "from tests.support import stacks; stacks.declare_anew({stack!r})"
)


def main() -> None:
    """Print medians and ratios as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    print(json.dumps({"rounds": rounds, **measured(rounds)}, indent=1))


def rows() -> list[Row]:
    """Seconds of a preview, beside as many trivial resources on the bare engine."""
    return [
        Row(
            name=f"preview of {stack}, {found['resources']} resources",
            ours=found["preview_seconds"],
            reference=found["bare_seconds"],
            goal="ours ≤ 5 s",
        )
        for stack, found in measured(rounds=3).items()
    ]


def measured(rounds: int) -> dict[str, dict[str, Any]]:
    """Every stack, brought up once."""
    world = World()
    try:
        story = Scenario(world, Progress())
        story.sites()
        story.provision()
        for preview in story.previews.values():
            preview.result().must()
        return {stack: measure(world, stack, rounds) for stack in STACKS}
    finally:
        world.stop()


def measure(world: World, stack: str, rounds: int) -> dict[str, Any]:
    """One stack: the three ways in turn, so that a busy moment of the machine hits them all."""
    resources = len(world.engine.export(stack)["deployment"]["resources"])
    bare = bare_engine(world, stack, resources)
    ways: dict[str, Callable[[], object]] = {
        "preview": lambda: world.engine.preview(stack).must(),
        "bare": lambda: bare.preview("bench").must(),
        "mocks": lambda: under_mocks(stack),
    }
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, run in ways.items():
            started = time.monotonic()
            run()
            seconds[way].append(time.monotonic() - started)
    median = {way: statistics.median(found) for way, found in seconds.items()}
    return {
        "resources": resources,
        **{f"{way}_seconds": round(value, 2) for way, value in median.items()},
        "ratio_to_bare": round(median["preview"] / median["bare"], 2),
    }


def bare_engine(world: World, stack: str, count: int) -> Engine:
    """The engine with a program of `count` components, applied once."""
    project = world.folder / f"bare-{stack}"
    project.mkdir()
    (project / "Pulumi.yaml").write_text("name: bare\nruntime: python\n")
    (project / "__main__.py").write_text(TRIVIAL.format(count=count))
    engine = Engine(
        project, world.folder / f"bare-home-{stack}", {"LAB_BIN": str(world.found.bin)}, Path(project, "bin")
    )
    engine.init("bench")
    engine.up("bench").must()
    return engine


def under_mocks(stack: str) -> None:
    """The program alone, in a process of its own."""
    subprocess.run([sys.executable, "-c", MOCKED.format(stack=stack)], cwd=ROOT, check=True, timeout=120)


if __name__ == "__main__":
    main()

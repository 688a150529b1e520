"""How to look at a kept lab."""

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from lab.machine.addresses import DNS_PORT, POSTGRES_PORT
from lab.machine.engine import Engine
from lab.story.observers import read_bundle
from lab.story.progress import console
from lab.world import World

_FOREIGN_PROGRAMS = ("kubectl", "dig")  # the lab brings the others
# None of the caller's gets into the engine's environment. The last is make's: the SDKs' byte code.
_PULUMIS = ("PULUMI_", "LAB_", "PYTHONPATH", "PYTHONPYCACHEPREFIX")
Way = tuple[str, str]


def print_ways(world: World) -> None:
    """Commands to copy; passwords stand in a file only this user can read."""
    shell = world.folder / "operator.env"
    shell.touch(mode=0o600)
    settings = shell_settings(world.operator_settings(), world.engine, world.dr.kubeconfig())
    shell.write_text(shell_text(settings, _folders(world)))
    console.print("\nThe sites stay up. To look around:", style="bold")
    for line in aligned(with_missing(_ways(world, shell), shutil.which)):
        console.print(f"  {line}", markup=False)
    console.print("End it with `make lab-down`.", style="bold")


def shell_settings(operator: Mapping[str, str], engine: Engine, kubeconfig: Path) -> dict[str, str]:
    """What the lab adds to a shell: the failover engineer's settings, Pulumi's, a view of the whole DR cluster."""
    pulumi = {key: value for key, value in engine.env.items() if key.startswith(_PULUMIS)}
    return {**operator, "KUBECONFIG": str(kubeconfig), **pulumi}


def _folders(world: World) -> tuple[Path, ...]:
    """Before a person's PATH: the plugins, Pulumi, `dr`, PostgreSQL's client tools, the gate's program."""
    python = Path(sys.executable).parent
    return (world.engine.bin_dir, world.found.bin, python, world.postgres.bin, world.found.haproxy.parent)


def shell_text(settings: Mapping[str, str], path: Iterable[Path]) -> str:
    """A file to source: these settings alone, so that the shell's own variables stay as they are."""
    folders = shlex.quote(":".join(map(str, path)))
    lines = [f"export {key}={shlex.quote(value)}" for key, value in settings.items()]
    return "\n".join([*lines, f'export PATH={folders}:"$PATH"']) + "\n"


def with_missing(ways: Sequence[Way], which: Callable[[str], str | None]) -> list[Way]:
    """Marks commands of programs that this machine does not have."""
    missing = {program for program in _FOREIGN_PROGRAMS if not which(program)}
    said = [(command, comment, command.partition(" ")[0]) for command, comment in ways]
    return [
        (command, f"{comment} ({program} is not installed here)" if program in missing else comment)
        for command, comment, program in said
    ]


def aligned(ways: Sequence[Way]) -> list[str]:
    """Comments in one column."""
    column = max(len(command) for command, _ in ways)
    return [f"{command:{column}}  # {comment}" for command, comment in ways]


def _ways(world: World, shell: Path) -> list[Way]:
    """The story's last step brings production's database and cluster back, not us-east-1's AWS: what is homed there
    (the prod stack) cannot be previewed, the others can."""
    host, _, port = read_bundle(world)["endpoints"]["standby"].rpartition(":")
    production = os.path.relpath(world.prod.kubeconfig(), world.engine.project_dir)
    return [
        (f". {shell}", "first: addresses, passwords, PATH"),
        (f"cd {world.engine.project_dir}", "the Pulumi project; the paths below begin here"),
        ("pulumi stack ls", "the three stacks"),
        ("pulumi preview --stack dr", "or foundation; prod fails by design: AWS's us-east-1 stays dead"),
        ("dr status; dr lease show; dr backups --site dr; dr promote", "as the failover engineer"),
        ("kubectl get pods -A", "the DR cluster"),
        (f"kubectl --kubeconfig {production} get pods -A", "production's cluster, back again, its gate closed"),
        (f"psql -h {host} -p {port}", "the DR site's PostgreSQL, as the promoter"),
        (f"psql -h {world.block.primary} -p {POSTGRES_PORT}", "production's old primary, back again"),
        (f"dig @{world.block.dns} -p {DNS_PORT} {world.plan.dns.name}", "the public name"),
        ("ls ../logs ../*/pod-logs", "logs of processes and Pods"),
    ]

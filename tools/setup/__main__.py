"""`python3 -m tools.setup environment | lab`: all that `make` needs before it can do its work."""

import json
import signal
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from pathlib import Path
from types import FrameType

from tools.setup import binaries, cache, haproxy, installed, left_out, policy_pack, postgres, python_env
from tools.setup.children import Children
from tools.setup.failure import SetupError
from tools.setup.lock import locked
from tools.setup.progress import Progress

CHECKOUT = Path(__file__).resolve().parents[2]
# What a set-up found, for the next one and for lab/machine/binaries.py. In the environment: it goes when that goes.
RECORD = CHECKOUT / ".venv" / "set-up.json"
# Links to the lab's programs: in one folder, as lab/machine/binaries.py and Pulumi's engine want them.
LINKS = CHECKOUT / ".venv" / "lab-bin"
INTERRUPT_SECONDS = 0.2  # the longest that an interrupt waits for an answer


def inputs() -> str:
    """Hash of all that the result depends on."""
    pins = [path for path in (CHECKOUT / "tools").glob("*/go.*") if path.suffix in {".mod", ".sum"}]
    packages = [CHECKOUT / "uv.lock", CHECKOUT / "pyproject.toml", CHECKOUT / policy_pack.REQUIREMENTS]
    return cache.digest([*packages, *pins, *Path(__file__).parent.glob("*.py"), *left_out.STUBS.iterdir()])


def read_record(path: Path) -> dict[str, str]:
    """What the last set-up of this checkout wrote; empty when there is none or it was cut off."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return {}


def is_done(record: dict[str, str], current: str, lab: bool) -> bool:
    """Whether nothing needs doing. `lab`: binaries are wanted, too."""
    if record.get("inputs") != current or not (CHECKOUT / ".venv" / "bin" / "python").exists():
        return False
    if not lab:
        return True
    folder, proxy = record.get("bin"), record.get("haproxy")
    if not folder or not proxy or not Path(proxy).exists():
        return False
    return cache.holds(Path(folder), binaries.NAMES) and not any(map(is_outgrown, Path(folder).iterdir()))


def is_outgrown(link: Path) -> bool:
    """Whether `link` is to a program of the machine's own that has become another version since the last set-up."""
    if link.name not in installed.ASKED or cache.cache_root().resolve() in link.resolve().parents:
        return False
    return installed.misfit(link.name, link.resolve()) is not None


def link(programs: Mapping[str, Path], folder: Path) -> None:
    """Make `folder` hold a link to each of `programs` and nothing else, without a moment when one is missing."""
    folder.mkdir(exist_ok=True)
    for name, program in programs.items():
        new = folder / f".{name}.new"
        new.unlink(missing_ok=True)
        new.symlink_to(program)
        new.replace(folder / name)
    for path in folder.iterdir():
        if path.name not in programs:
            path.unlink()


class Interrupt:
    """An interrupt from outside, noted when it comes and raised where nothing is half done.

    A handler that raised would do so anywhere, also between the taking of a lock and the statement that gives it back.
    """

    def __init__(self) -> None:
        self._asked = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # SIGINT too: whoever started us may ignore it
            signal.signal(number, self._note)

    def _note(self, _signal: int, _frame: FrameType | None) -> None:
        self._asked = True

    def check(self) -> None:
        """Raises KeyboardInterrupt when an interrupt has come."""
        if self._asked:
            raise KeyboardInterrupt


def set_up(children: Children, progress: Progress, interrupt: Interrupt, current: str, *, lab: bool) -> dict[str, str]:
    """Environments, binaries and HAProxy side by side; the first failure ends the others.

    Raises SetupError; KeyboardInterrupt after an interrupt.
    """
    root = cache.cache_root()
    uv = binaries.Once(lambda: python_env.get_uv(children, progress, root))
    build = binaries.Build(children, progress, lambda: python_env.get_go(children, progress, uv(), root))

    def environment() -> None:
        with locked(root, f"environment-{cache.digest([], and_also=str(CHECKOUT))}", children, progress):
            python_env.sync(children, progress, uv(), CHECKOUT)

    def pack() -> Path | None:
        with locked(root, f"pack-{cache.digest([], and_also=str(CHECKOUT))}", children, progress):
            return policy_pack.ensure(children, progress, uv(), CHECKOUT)

    programs: dict[str, Path] = {}

    def build_missing() -> Path:
        programs.update(build.ensure(root))
        return LINKS

    jobs: dict[str, Future[Path | None]] = {}
    with ThreadPoolExecutor(5) as pool:
        try:
            jobs["environment"] = pool.submit(environment)
            if lab:
                jobs["bin"] = pool.submit(build_missing)
                jobs["haproxy"] = pool.submit(haproxy.ensure, children, progress, root)
                jobs["postgres"] = pool.submit(postgres.ensure, children, progress, root)
                jobs["pack"] = pool.submit(pack)
            raise_the_first_failure(jobs.values(), interrupt)
        except BaseException:
            children.end_all()
            progress.say("ending every process and removing what was half made …")
            raise
    if programs:
        link(programs, LINKS)
    return {"inputs": current, **{name: str(job.result()) for name, job in jobs.items() if job.result()}}


def raise_the_first_failure(jobs: Iterable[Future[Path | None]], interrupt: Interrupt) -> None:
    """Returns when all jobs have succeeded or one has failed. Raises KeyboardInterrupt after an interrupt."""
    waiting = list(jobs)
    while True:
        # With a limit: a signal that arrives just before the thread falls asleep would not wake it.
        done, rest = wait(waiting, timeout=INTERRUPT_SECONDS, return_when=FIRST_EXCEPTION)
        interrupt.check()
        for job in done:
            job.result()
        if not rest:
            return


def main(argv: list[str]) -> int:
    """Exit codes: 0 all there, 1 something cannot be had, 64 usage, 130 interrupted."""
    if argv not in (["environment"], ["lab"]):
        sys.stderr.write("usage: python3 -m tools.setup environment | lab\n")
        return 64
    interrupt = Interrupt()
    lab, current, record = argv == ["lab"], inputs(), read_record(RECORD)
    if is_done(record, current, lab):
        return 0
    children, progress = Children(), Progress()
    try:
        made = set_up(children, progress, interrupt, current, lab=lab)
    except SetupError as problem:
        progress.say(f"set-up failed: {problem}", ansi="31")
        return 1
    except KeyboardInterrupt:
        progress.say("set-up interrupted; every process ended, binaries that were finished are kept", ansi="31")
        return 130
    kept = {} if lab or record.get("inputs") != current else record
    new = RECORD.with_suffix(".new")
    new.write_text(json.dumps({**kept, **made}, indent=2) + "\n")
    new.replace(RECORD)
    progress.say("set-up complete", ansi="32")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

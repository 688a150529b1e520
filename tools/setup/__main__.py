"""`python3 -m tools.setup environment | lab`: all that `make` needs before it can do its work."""

import json
import signal
import sys
from collections.abc import Iterable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from pathlib import Path
from types import FrameType

from tools.setup import binaries, cache, haproxy, policy_pack, python_env
from tools.setup.children import Children
from tools.setup.failure import SetupError
from tools.setup.lock import locked
from tools.setup.progress import Progress

CHECKOUT = Path(__file__).resolve().parents[2]
# What a set-up found, for the next one and for lab/binaries.py. In the environment: it goes when that goes.
RECORD = CHECKOUT / ".venv" / "set-up.json"


def inputs() -> str:
    """Hash of all that the result depends on."""
    pins = [path for path in (CHECKOUT / "tools").glob("*/go.*") if path.suffix in {".mod", ".sum"}]
    packages = [CHECKOUT / "uv.lock", CHECKOUT / "pyproject.toml", CHECKOUT / policy_pack.REQUIREMENTS]
    return cache.digest([*packages, *pins, *Path(__file__).parent.glob("*.py")])


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
    _, names = binaries.wanted(None)
    folder, proxy = record.get("bin"), record.get("haproxy")
    if not folder or not proxy or not Path(proxy).exists():
        return False
    if (Path(folder) / "pulumi").is_symlink() and not binaries.fitting_pulumi():
        return False
    return cache.holds(Path(folder), names)


def set_up(children: Children, progress: Progress, current: str, lab: bool) -> dict[str, str]:
    """Environments, binaries and HAProxy side by side; the first failure ends the others. Raises SetupError."""
    root = cache.cache_root()
    uv = binaries.Once(lambda: python_env.get_uv(children, progress, root))
    build = binaries.Build(children, progress, lambda: python_env.get_go(children, progress, uv(), root))

    def environment() -> None:
        with locked(root, f"environment-{cache.digest([], and_also=str(CHECKOUT))}", children, progress):
            python_env.sync(children, progress, uv(), CHECKOUT)

    def pack() -> Path | None:
        with locked(root, f"pack-{cache.digest([], and_also=str(CHECKOUT))}", children, progress):
            return policy_pack.ensure(children, progress, uv(), CHECKOUT)

    jobs: dict[str, Future[Path | None]] = {}
    with ThreadPoolExecutor(4) as pool:
        try:
            jobs["environment"] = pool.submit(environment)
            if lab:
                jobs["bin"] = pool.submit(build.ensure, root)
                jobs["haproxy"] = pool.submit(haproxy.ensure, children, progress, root)
                jobs["pack"] = pool.submit(pack)
            raise_the_first_failure(jobs.values())
        except BaseException:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C would leave the cleaning up half done
            children.end_all()
            progress.say("ending every process and removing what was half made …")
            raise
    return {"inputs": current, **{name: str(job.result()) for name, job in jobs.items() if job.result()}}


def raise_the_first_failure(jobs: Iterable[Future[Path | None]]) -> None:
    """Returns when all jobs have succeeded or one has failed."""
    done, _ = wait(list(jobs), return_when=FIRST_EXCEPTION)
    for job in done:
        job.result()


def main(argv: list[str]) -> int:
    """Exit codes: 0 all there, 1 something cannot be had, 64 usage, 130 interrupted."""
    if argv not in (["environment"], ["lab"]):
        sys.stderr.write("usage: python3 -m tools.setup environment | lab\n")
        return 64
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # SIGINT too: whoever started us may ignore it
        signal.signal(number, _interrupt)
    lab, current, record = argv == ["lab"], inputs(), read_record(RECORD)
    if is_done(record, current, lab):
        return 0
    children, progress = Children(), Progress()
    try:
        made = set_up(children, progress, current, lab)
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


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`python -m lab run [--keep]` and `python -m lab down`: what `make lab` and `make lab-down` call."""

import argparse
import json
import signal
import sys
from collections.abc import Callable

from lab.machine import session
from lab.machine.binaries import BinariesMissing
from lab.machine.engine import EngineError
from lab.project import ROOT
from lab.story.progress import Progress, console
from recovery.errors import DrError
from recovery.plan.loading import load_plan


def main() -> int:
    """Exit codes: 0 everything held, 1 something did not, 2 refused, 130 stopped."""
    parser = argparse.ArgumentParser(prog="lab", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="the whole story; exit code 0 when all of it held")
    run.add_argument("--keep", action="store_true", help="leave the sites up")
    commands.add_parser("down", help="end a lab that was left up")
    options = parser.parse_args()
    if options.command == "down":
        return session.down()
    return session.run(lambda keep: tell(keep if options.keep else None))


def tell(keep: Callable[[], None] | None) -> int:
    """One run; `keep` is called when the sites shall stay up afterwards."""
    from lab.story import report
    from lab.story.scenario import Scenario
    from lab.world import World

    progress = Progress()
    try:
        load_plan(ROOT / "recovery.yaml")  # told here, before anything starts, by the name people know
        world = World()
    except (BinariesMissing, DrError) as error:
        console.print(f"make lab: {error}", style="red", markup=False)
        return 2
    try:
        console.print("This lab's lease is 10 s instead of the plan's 30 s, to show a whole fence wait in less time.")
        story = Scenario(world, progress)
        for phase in (
            story.sites, story.provision, story.orders, story.restart_standby, story.cut_stream,
            story.lose_production, story.dry_run, story.promote, story.up_while_dead, story.production_returns,
            story.count, story.dropped_table,
        ):  # fmt: skip
            phase()
        result = report.build(story.facts, progress, world.plan)
        (session.LAB / "report.json").write_text(json.dumps(result, indent=1) + "\n")
        report.show(result, story.facts)
        progress.say(f"report: {session.LAB / 'report.json'}")
        if keep:
            from lab.story.look_around import print_ways

            print_ways(world)
            keep()
            signal.pause()
    except (RuntimeError, TimeoutError, EngineError) as error:
        console.print(f"\nmake lab failed: {error}", style="bold red", markup=False)
        logs = world.keep_logs(session.LAB / "failed")
        console.print(f"Next: the logs are in {logs}", markup=False)
        return 1
    else:
        return 0 if result["ok"] else 1
    finally:
        world.stop()


if __name__ == "__main__":
    sys.exit(main())

"""The copies of the plan as tables: when each is made, and how long it is kept."""

from recovery.copies.log_volume import log_volume
from recovery.measured import S3_WRITE_DOLLARS
from recovery.plan.datasets import DATASETS, MADE_TODAY, Backup, Log
from recovery.plan.plan import Plan
from recovery.plan.wording import schedule_words
from recovery.units import format_duration as text
from scripts.output import prose, table

_KINDS = ("full", "incremental", "snapshot", "log")


def print_copies(plan: Plan) -> None:
    """Those that are not made yet too, and what writing the log costs."""
    made: list[tuple[str, ...]] = []
    kept: list[tuple[str, ...]] = []
    for name in DATASETS:
        for kind in _KINDS:
            match getattr(getattr(plan.datasets, name), kind, None):
                case Backup() as each:
                    when = (schedule_words(each.schedule), text(each.start_deadline), text(each.time_limit))
                case Log() as each:
                    when = (f"cut every {text(each.every)}", "-", "-")
                case _:
                    continue
            today = "made" if (name, kind) in MADE_TODAY else "not yet"
            made.append((f"{name} {kind}", *when, getattr(each, "to", "local"), today))
            keep = each.keep
            kept.append((f"{name} {kind}", text(keep.local), text(keep.cloud), text(keep.archive)))
    columns = ("copy", "when", "late by", "takes", "to", "today")
    table(f"\nCopies, in the time of {plan.time_zone}; late by and takes: at most", columns, made)
    table("\nHow long copies are kept", ("copy", "local", "cloud", "archive"), kept)
    prose(
        "local = production's bucket, from where S3 replicates; cloud = the DR bucket; archive = its Glacier classes."
    )
    volume = log_volume(plan)
    prose(
        f"PostgreSQL's log is at most {volume.ranges:,} ranges a day, not locked, and {volume.segments:,} whole "
        f"segments, which are; writing them costs up to ${volume.dollars:.2f} a day ({S3_WRITE_DOLLARS.basis.words()}; "
        "assumptions.log_per_day)."
    )

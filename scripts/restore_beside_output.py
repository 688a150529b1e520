"""How a restored server beside the standby looks: what there is, how to look into it, how it ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from recovery.copies.beside import END, BesideState
from recovery.copies.server_order import WORDS, ServerOrder
from recovery.errors import DrError
from recovery.names import BESIDE, ROLE_PROMOTER
from recovery.ports.standby import StandbyState
from scripts.output import console, emit_json


@contextmanager
def running(*, json: bool) -> Iterator[None]:
    """An error is in the JSON as well."""
    try:
        yield
    except DrError as error:
        if json:
            emit_json({"up": False, "problem": error.what})
        raise


def underway(state: BesideState, *, json: bool) -> None:
    """One that has been asked for and does not answer yet."""
    stage, problem = (state.pod.stage, state.pod.problem) if state.pod else ("waiting", "")
    if json:
        emit_json({"up": False, **_order(state.order), "stage": stage, "problem": problem})
        return
    _say(f"{BESIDE} is to be as of {state.order.asked if state.order else 'nothing'}: {WORDS[stage]}")
    if problem:
        _say(problem)
    _say(f"Next: the same with --execute follows it; {END} ends it")


def up(order: ServerOrder, address: str, database: str, seen: StandbyState, seconds: float, *, json: bool) -> None:
    """It answers."""
    if json:
        found = {"up": True, **_order(order), "address": address, "read_only": seen.in_recovery}
        emit_json(found | {"server_version": seen.server_version, "seconds": round(seconds, 3)})
        return
    host, _, port = address.rpartition(":")
    login = f"PGHOST={host} PGPORT={port} PGUSER={ROLE_PROMOTER} PGDATABASE={database}"
    _say(
        f"{BESIDE} is up: the database as of {order.asked} (log up to {order.to}), read-only, {seconds:.1f} s\n"
        f'Log in: export {login} PGPASSWORD="$(cat "$PGPASSWORD_FILE")"\n'
        f"Look:   psql\n"
        f"Pick:   pg_dump --table=NAME > NAME.sql\n"
        f"Next: put back what is missing (docs/runbooks/dropped-table.md), then end it: {END}"
    )


def ends(state: BesideState, *, execute: bool, json: bool) -> None:
    """What there was, and whether it is gone now."""
    if json:
        emit_json({"ended": execute, "there_was": not state.gone, **_order(state.order)})
    elif state.gone:
        _say("there is no restored server")
    else:
        of = f"as of {state.order.asked}" if state.order else "that nobody asked for"
        gone = "is gone, and its disk with it" if execute else "would go, and its disk with it"
        _say(f"{BESIDE} {of} {gone}")
        if not execute:
            _say("Nothing was done. Next: the same with --execute")


def _order(order: ServerOrder | None) -> dict[str, Any]:
    return {"asked": order.asked, "to": order.to, "at": order.at.isoformat()} if order else {}


def _say(text: str) -> None:
    console.print(text, markup=False)

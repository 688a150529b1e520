"""How bringing assets back looks: what is not as it was, what would be done, what became of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.filesize import decimal

from operations.copies.assets import AssetsOrder, Done
from recovery.errors import DrError
from scripts.output import console, emit_json, say, table

_SHOWN = 5


@contextmanager
def running(*, json: bool) -> Iterator[None]:
    """An error is in the JSON as well."""
    try:
        yield
    except DrError as error:
        if json:
            emit_json({"restored": False, "problem": error.what})
        raise


def plan(order: AssetsOrder, *, json: bool, replica: bool, execute: bool = False) -> None:
    """What `--execute` does. `replica`: the versions read are those of the copy in the DR region."""
    if json:
        emit_json(_planned(order))
        return
    rows = [
        ("versions of", f"{order.source.bucket} in {order.source.region}"),
        ("put right in", f"{order.target.bucket} in {order.target.region}"),
        ("as they were", f"{order.same:,} keys"),
        ("changed", f"{order.copied:,} keys, {decimal(order.copied_bytes)}: copied over by S3{_names(order, 'copy')}"),
        ("deleted", f"{order.unhidden:,} keys: the delete marker is taken away{_names(order, 'unhide')}"),
        ("newer", f"{order.newer:,} keys that did not exist then: {_newer(order)}{_names(order, 'hide')}"),
    ]
    if order.first and order.last:
        rows.append(("changed between", f"{order.first:%Y-%m-%d %H:%M:%S} and {order.last:%Y-%m-%d %H:%M:%S} UTC"))
    table(f"Assets as of {order.time.isoformat()}", ("", ""), rows)
    if order.archived:
        say(f"{order.archived:,} lie in an archive class: S3 has to be asked for them first, they will fail", "yellow")
    if replica:
        say("deletions are not copied: what production had deleted before that time comes back as well", "yellow")
    if not execute:
        todo = "Nothing was done. Next: the same with --execute" if order.to_do else "Nothing has to be done"
        console.print(todo, markup=False)


def done(order: AssetsOrder, found: Done, *, json: bool) -> None:
    """What there is now."""
    if json:
        counts = {"copied": found.copied, "unhidden": found.unhidden, "hidden": found.hidden}
        emit_json(_planned(order) | {"restored": True, "done": counts})
        return
    console.print(
        f"{order.target.bucket} is as of {order.time.isoformat()}: {found.copied:,} keys copied over "
        f"({decimal(found.copied_bytes)}), {found.unhidden:,} no longer deleted, {found.hidden:,} hidden; no "
        "version was ended\nNext: the same without --execute shows whether anything has changed since; then empty the "
        "caches (CDN)",
        markup=False,
    )


def _newer(order: AssetsOrder) -> str:
    return "hidden by delete markers" if order.hide_newer else "left as they are (--hide-newer hides them)"


def _names(order: AssetsOrder, kind: str) -> str:
    names = order.examples.get(kind, [])
    return f" ({', '.join(map(_shown, names[:_SHOWN]))}{', …' if len(names) > _SHOWN else ''})" if names else ""


def _shown(key: str) -> str:
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in key)


def _planned(order: AssetsOrder) -> dict[str, Any]:
    return {
        "time": order.time,
        "from": order.source.bucket,
        "bucket": order.target.bucket,
        "keys": order.keys,
        "same": order.same,
        "changed": order.copied,
        "changed_bytes": order.copied_bytes,
        "deleted": order.unhidden,
        "newer": order.newer,
        "newer_hidden": order.hide_newer,
        "archived": order.archived,
        "first_change": order.first,
        "last_change": order.last,
        "examples": order.examples,
    }

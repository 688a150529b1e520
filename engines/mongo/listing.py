"""Which collections a database has, with all that is needed to make them again."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engines.mongo.layout import BUCKETS, Collection, json_options
from recovery.errors import Refused

if TYPE_CHECKING:
    from pymongo.client_session import ClientSession
    from pymongo.database import Database

    Mongo = Database[dict[str, Any]]

IMAGES = "changeStreamPreAndPostImages"
_KEPT = ("system.js",)
"""Of what the server keeps for itself; as mongodump does. A time series' buckets come with it."""
_NAMED = 10


def collections(database: "Mongo", session: "ClientSession | None" = None) -> list[Collection]:
    """All of them, by name; collections first, then time series, then views, which stand on the others. Not older than
    what `session` has seen. Raises Refused for what cannot be copied."""
    found = list[Collection]()
    described = _listed(database, session, "listCollections", 1)
    names = {str(each["name"]) for each in described}
    for each in described:
        name, kind = str(each["name"]), each.get("type", "collection")
        if name.startswith("system.") and name not in _KEPT:
            continue
        if ".." in name or name.startswith(".") or name.endswith("."):
            raise Refused(
                f"a collection of {database.name} is called {name!r}, which MongoDB's drivers do not take",
                next_step="rename it there (renameCollection in the admin database)",
            )
        if kind == "timeseries" and BUCKETS + name not in names:
            raise Refused(
                f"the time series {name!r} of {database.name} is not kept in a collection {BUCKETS}{name} that this "
                "login sees, so it cannot be copied",
                next_step="grant find on it; a server that keeps none is newer than what is understood",
            )
        uuid = each.get("info", {}).get("uuid")
        found.append(
            Collection(
                name=name,
                kind=kind,
                options=dict(each.get("options", {})),
                indexes=() if kind == "view" else _indexes(database, session, name),
                uuid=bytes(uuid).hex() if uuid is not None else "",
            )
        )
    order = {"collection": 0, "timeseries": 1, "view": 2}
    return sorted(found, key=lambda each: (order[each.kind], each.name))


def _indexes(database: "Mongo", session: "ClientSession | None", name: str) -> tuple[Mapping[str, Any], ...]:
    specs = _listed(database, session, "listIndexes", name)
    return tuple({key: value for key, value in each.items() if key != "ns"} for each in specs)


def _listed(database: "Mongo", session: "ClientSession | None", command: str, of: Any) -> list[dict[str, Any]]:
    """What a listing says. Drivers make such a command causal only when it is told so, and servers take no `majority`
    for it."""
    concern = {"level": "local"} | ({"afterClusterTime": session.operation_time} if session else {})
    with database.cursor_command(
        command, of, session=session, codec_options=codec(), read_preference=any_member(), readConcern=concern
    ) as cursor:
        return list(cursor)


def any_member() -> Any:
    """Whichever was chosen: through a connection to it alone."""
    from pymongo import ReadPreference

    return ReadPreference.SECONDARY_PREFERRED


def require_copyable(found: Sequence[Collection], database: str) -> None:
    """Raises Refused for collections without post-images: without them the log cannot say what an update made of a
    document. A time series has none, and is in no change stream; views have no documents."""
    without = [each.name for each in found if each.kind == "collection" and not _has_images(each)]
    if not without:
        return
    more = f" and {len(without) - _NAMED:,} more" if len(without) > _NAMED else ""
    names = ", ".join(map(repr, without[:_NAMED]))
    raise Refused(
        f"{len(without):,} collections of {database} keep no post-images, so no log leads on from a copy of them: "
        f"{names}{more}",
        next_step=f"for each, db.runCommand({{collMod: NAME, {IMAGES}: {{enabled: true}}}}); applications that make "
        "collections must make them so",
    )


def _has_images(collection: Collection) -> bool:
    images = collection.options.get(IMAGES)
    return isinstance(images, Mapping) and bool(images.get("enabled"))  # pyright: ignore[reportUnknownMemberType]


def codec() -> Any:
    """By which what the server says is read so that it can be written again unchanged."""
    from bson.codec_options import CodecOptions

    return CodecOptions(document_class=dict, datetime_conversion=json_options().datetime_conversion)

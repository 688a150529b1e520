"""`dr restore --into`: a dataset into a folder here, or into a deployment."""

from collections.abc import Mapping
from typing import Any

from cloud.objects import S3Bucket
from engines.restoring import Restore
from scripts.output import say
from scripts.restore_options import Wish


def into_folder(
    store: S3Bucket,
    engine: Restore[Any],
    place: str,
    owner: str,
    wish: Wish,
    environment: Mapping[str, str],
    *,
    incrementals: bool,
    standby: bool,
) -> None:
    """Show, or do. Raises what the engine raises."""
    from operations.copies.restore import execute, plan_restore, retrieve
    from scripts.restore_output import Report

    report = Report(json=wish.json)
    into = engine.place(place)
    to = wish.to or "latest"
    order = plan_restore(
        store, engine.dataset, to, into, environment=environment, incrementals=incrementals, standby=standby
    )
    report.plan(store.bucket, order, execute=wish.execute)
    if wish.retrieve:
        retrieve(store, order)
        say(f"asked for: {order.archived.words() or 'nothing, since all of it can be read'}")
    if not wish.execute:
        return
    with report.running():
        done = execute(store, order, environment=environment, owner=engine.owner_of(into, owner), heard=say)
    report.done(store.bucket, order, done)

"""`dr serve-log`: give the standby in the same Pod what the DR bucket has of its database's log."""

from typing import Annotated

import typer

from operations.kept import keep_running
from scripts.options import DEFAULT_PLAN, AccountOption, PlanOption, SiteOption, named


def serve_log(
    dataset: Annotated[str, typer.Argument(help="Whose log.")],
    listen: Annotated[str, typer.Option("--listen", help="IP:PORT; the Pod's own loopback, since it asks nobody.")],
    plan: PlanOption = DEFAULT_PLAN,
    account: AccountOption = "",
    site: SiteOption = "",
) -> None:
    """Give the standby its log out of the DR bucket.

    A standby whose stream is dead asks for one file after the other (its restore_command) and gets each as far as it is
    in the bucket, of the timelines that the site lease knows. What cannot be read now is asked for again; the standby
    goes on with its stream. It goes on until SIGTERM, whatever ends its worker.

    Example:

    \b
      dr serve-log postgres --site dr --listen 127.0.0.1:6433
    """
    host, _, port = listen.rpartition(":")
    if not (host and port.isascii() and port.isdigit()):
        raise typer.BadParameter(f"--listen must be an IP address and a port, found {listen!r}")
    from engines.serving import require_served, served_log_of

    named(lambda: require_served(dataset))
    keep_running()
    from operations.context import Context
    from operations.copies.buckets import backup_bucket
    from operations.copies.serve_log import serve
    from operations.lease import open_store
    from scripts.told import Told

    context, told = Context.load(plan, account, site), Told()
    serve(
        served_log_of(dataset),
        backup_bucket(context, "dr"),
        open_store(context),
        (host, int(port)),
        renewal=context.plan.lease.renewal,
        trouble=told.trouble,
    )

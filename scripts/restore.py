"""`dr restore`: bring a dataset back as it was at some point."""

import os
from typing import Annotated

import typer

from operations.context import Context
from scripts import restore_options as given
from scripts.options import DEFAULT_PLAN, AccountOption, JsonOption, PlanOption, named


def restore(
    dataset: Annotated[str, typer.Argument(help="What to restore.")],
    into: given.Into = None,
    target_pvc: given.Claim = "",
    beside: given.Beside = False,
    to: given.To = None,
    end: given.End = False,
    execute: given.Execute = False,
    retrieve: given.Retrieve = False,
    incrementals: given.Incrementals = True,
    as_standby: given.AsStandby = False,
    accept_incrementals_of: given.AcceptIncrementals = "",
    server: given.Server = "",
    only: given.Only = "",
    new_tablespace: given.NewTablespace = None,
    with_secrets: given.WithSecrets = False,
    apply: given.Apply = False,
    namespace: given.Namespace = "",
    without_secrets: given.WithoutSecrets = False,
    partial: given.Partial = False,
    owner: given.Owner = "",
    at: given.At = "",
    hide_newer: given.HideNewer = False,
    source: given.Source = "",
    bucket: given.Bucket = "",
    region: given.Region = "",
    kubeconfig: given.Kubeconfig = None,
    plan: PlanOption = DEFAULT_PLAN,
    account: AccountOption = "",
    json: JsonOption = False,
) -> None:
    """Bring a dataset back as it was at some point.

    Shows what would be read, how long it takes, the disk it needs and what else can be restored; --execute does it.
    It is checked while it is unpacked beside the target, which appears when replay has got where it should. The server
    is stopped; started, it neither archives nor follows anybody. With --as-standby it is the newest backup alone, whose
    server replays the log itself. Of Redis the last copy before the time is taken, for a server that can load it; of
    files --only brings back some. MongoDB goes into an empty replica set: --into mongodb://HOST:PORT/?replicaSet=NAME.
    Configuration comes as files, Secrets sealed; with --apply into a cluster that no copy is of, by its own trial
    first. CronJobs and Jobs come suspended, the replicas of the plan's services are left to promotion. Of
    assets all keys of production's bucket get their version of then again, or the copy's do (--at dr).

    With --beside the DR cluster restores it onto a disk of its own and serves it, read-only and for the operator alone,
    until --beside --end; with --target-pvc into a claim there. Run again, it follows what is there.

    Exit codes: 0 done or shown, 1 damaged or not reachable, 2 refused: not to be reached, or the target is not empty.

    Examples:

    \b
      dr restore postgres --to 2026-11-30T12:00:00+05:00 --into /data/pgdata --execute
      dr restore assets --to 2026-11-30T12:00:00+05:00 --execute
      dr restore configuration --apply --namespace ultramarket-dr
    """
    from engines.registry import restore_of
    from operations.copies.buckets import bucket_to_read
    from scripts.restore_folder import into_folder

    if dataset == "assets":
        from scripts.restore_assets import Asked, bring_back

        asked = Asked(to, at, source, bucket, region, only, hide_newer, execute, json)
        bring_back(Context.load(plan, account), asked, others=into or beside or target_pvc or retrieve or apply)
        return
    engine = named(lambda: restore_of(dataset))
    environment = os.environ | given.variables(accept_incrementals_of, server, only, new_tablespace, with_secrets)
    wish = given.Wish(to, execute, retrieve, kubeconfig, json)
    if beside or end or target_pvc:
        from scripts.restore_elsewhere import elsewhere

        others = into or owner or bucket or region or source not in ("", "dr") or not incrementals or as_standby
        where = given.Where(beside=beside, end=end, claim=target_pvc, others=bool(others))
        elsewhere(Context.load(plan, account), dataset, where, wish, environment)
        return
    how = given.Applying(namespace=namespace, partial=partial, secrets=not without_secrets)
    _ = engine.owner_of(into, owner) if into and owner else None  # before anybody needs credentials
    store = bucket_to_read(bucket, region, plan, account, source or "dr")
    if apply:
        from scripts.restore_apply import into_cluster

        others = into or with_secrets or owner or only or server or as_standby
        into_cluster(store, dataset, how, wish, others=bool(others))
        return
    if at or hide_newer or how != given.NOT_APPLYING:
        raise typer.BadParameter("--namespace, --partial and --without-secrets go with --apply (--at: assets)")
    if into is None:
        raise typer.BadParameter("where to? Name a folder with --into, or --beside, or --target-pvc, or --apply")
    into_folder(store, engine, into, owner, wish, environment, incrementals=incrementals, standby=as_standby)

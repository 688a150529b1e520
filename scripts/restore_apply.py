"""`dr restore configuration --apply`: a copy's objects into a cluster that no copy is of."""

import typer

from cloud.objects import S3Bucket
from scripts.output import say
from scripts.restore_options import Applying, Wish


def into_cluster(store: S3Bucket, dataset: str, how: Applying, wish: Wish, *, others: bool) -> None:
    """Show, or do. Raises Refused, Failed, Corrupt; typer.BadParameter for a dataset without objects, and
    when `others` were typed that only go with a folder."""
    if others:
        raise typer.BadParameter("--apply goes into a cluster, and not with what is about a folder")
    if dataset != "configuration":
        raise typer.BadParameter(f"--apply: {dataset} has no objects of a cluster, configuration has")
    from cloud.cluster_objects import KubernetesObjects
    from engines.configuration.into_cluster import execute, plan
    from operations.copies.outside import CloudOutside
    from operations.copies.restore import require_readable, retrieve
    from operations.failover.ports import kubeconfig_path
    from scripts.restore_apply_output import Report

    cluster, opener = KubernetesObjects(kubeconfig_path(wish.kubeconfig)), CloudOutside().opener()
    report = Report(store.bucket, json=wish.json)
    order = plan(store, wish.to or "latest", cluster, opener, namespace=how.namespace, secrets=how.secrets)
    report.plan(order, execute=wish.execute)
    if wish.retrieve:
        retrieve(store, order)
        say(f"asked for: {order.archived.words() or 'nothing, since all of it can be read'}")
    if not wish.execute:
        return
    with report.running():
        require_readable(order)
        done = execute(order, cluster, opener, partial=how.partial, heard=say)
    report.done(order, done)

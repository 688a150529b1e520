"""What the failover engineer needs when production's region and every state file are gone, in the DR bucket."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from recovery.failover.bundle import Bundle, ClusterAccess, Endpoints
from recovery.names import BUNDLE_KEY, Names


@dataclass(frozen=True, kw_only=True)
class RecoveryBundleArgs:
    """Addresses are host:port. `assets_bucket`: production's static assets, empty when nothing copies them."""

    names: Names
    cluster_endpoint: pulumi.Input[str]
    cluster_ca: pulumi.Input[str]
    prod_edge: pulumi.Input[str]
    dr_edge: str
    standby: pulumi.Input[str]
    gate: pulumi.Input[str]
    redis: pulumi.Input[str]
    redis_gate: pulumi.Input[str]
    system_identifier: pulumi.Input[str]
    assets_bucket: str = ""


class RecoveryBundle(pulumi.ComponentResource):
    """One object; equal inputs make equal bytes, so an unchanged stack never writes it again."""

    def __init__(self, name: str, args: RecoveryBundleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ultramarket:dr:RecoveryBundle", name, None, opts)
        names = args.names
        content = pulumi.Output.all(
            endpoint=args.cluster_endpoint,
            ca_data=args.cluster_ca,
            prod_edge=args.prod_edge,
            standby=args.standby,
            gate=args.gate,
            redis=args.redis,
            redis_gate=args.redis_gate,
            system_identifier=args.system_identifier,
        ).apply(lambda found: _bundle(names, args, found).to_json())
        aws.s3.BucketObjectv2(
            f"{name}-object",
            bucket=names.backup_bucket("dr"),
            region=names.plan.sites.dr.region,
            key=BUNDLE_KEY,
            content=content,
            content_type="application/json",
            # Destroying the site must not take the copies' map with it (and no role may delete versions).
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True),
        )
        self.url = names.bundle_url
        self.register_outputs({"url": self.url})


def _bundle(names: Names, args: RecoveryBundleArgs, found: dict[str, str]) -> Bundle:
    """A pure function of its arguments: no time, no randomness."""
    return Bundle(
        account=names.account,
        region=names.plan.sites.dr.region,
        namespace=names.plan.sites.dr.namespace,
        control_table=names.control_table,
        backup_bucket=names.backup_bucket("dr"),
        marker_bucket=names.marker_bucket,
        cluster=ClusterAccess(name=names.dr_cluster, endpoint=found["endpoint"], ca_data=found["ca_data"]),
        endpoints=Endpoints(
            prod_edge=found["prod_edge"],
            dr_edge=args.dr_edge,
            standby=found["standby"],
            gate=found["gate"],
            redis=found["redis"],
            redis_gate=found["redis_gate"],
        ),
        system_identifier=found["system_identifier"] or None,
        assets_bucket=args.assets_bucket,
        plan=names.plan,
    )

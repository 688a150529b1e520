"""The control table: who may write (the site lease) and the journal of every promotion."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from recovery.names import Names

KEY = "pk"


@dataclass(frozen=True, kw_only=True)
class ControlTableArgs:
    """`names` carries account and plan: home in the DR region, a replica in production's, a witness in the third."""

    names: Names


class ControlTable(pulumi.ComponentResource):
    """A DynamoDB global table with multi-Region strong consistency; it outlives both sites.

    Home is the DR region, so that a change to the table never needs production's region to be alive.
    """

    def __init__(self, name: str, args: ControlTableArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ultramarket:dr:ControlTable", name, None, opts)
        sites = args.names.plan.sites
        self.table = aws.dynamodb.Table(
            f"{name}-table",
            name=args.names.control_table,
            region=sites.dr.region,
            billing_mode="PAY_PER_REQUEST",
            hash_key=KEY,
            attributes=[{"name": KEY, "type": "S"}],
            replicas=[
                {
                    "region_name": sites.prod.region,
                    "consistency_mode": "STRONG",
                    "deletion_protection_enabled": True,
                    "point_in_time_recovery": True,
                }
            ],
            global_table_witness={"region_name": sites.witness.region},
            deletion_protection_enabled=True,
            point_in_time_recovery={"enabled": True},
            server_side_encryption={"enabled": True},
            opts=pulumi.ResourceOptions(parent=self, protect=True, retain_on_delete=True),
        )
        self.table_name = self.table.name
        self.register_outputs({"table_name": self.table_name})

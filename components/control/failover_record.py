"""The public name, and the marker that alone decides where it points."""

import json
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.storage.locked_down import block_public_access
from recovery.access.buckets import marker_bucket_policy
from recovery.names import CANARY_KEY, CANARY_TEXT, MARKER_KEY, MARKER_TEXT, Names
from recovery.plan.plan import SiteName

_EDGE_TTL_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class FailoverRecordArgs:
    """The zone exists. `armed` is false at the first apply: a new inverted check counts as unhealthy until it has
    data, and a record that referred to it at once would send everybody to the DR site. `dr_load_balancer` is empty
    until the dr stack is up. `adopted`: `dr name adopt` has made the pair, so both are imported."""

    names: Names
    zone_id: str
    prod_edge: str
    dr_edge: str
    dr_load_balancer: str
    checker_ranges: list[str]
    armed: bool
    adopted: bool


class FailoverRecord(pulumi.ComponentResource):
    """Marker bucket, health checks, the PRIMARY and SECONDARY records, and the DR edge's own name.

    The marker object itself is not declared: promotion writes it, with S3's data plane only. SECONDARY has no check
    (with one, an unhealthy SECONDARY would send everybody back). CNAME records, since with alias records the
    target's own health counts.
    """

    def __init__(self, name: str, args: FailoverRecordArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ultramarket:dr:FailoverRecord", name, None, opts)
        self._kept = pulumi.ResourceOptions(parent=self, protect=True, retain_on_delete=True)
        self._marker_bucket(name, args)
        self.marker_check = self._check(f"{name}-marker-check", args, MARKER_KEY, MARKER_TEXT, inverted=True)
        self.canary_check = self._check(f"{name}-canary-check", args, CANARY_KEY, CANARY_TEXT, inverted=False)
        dns = args.names.plan.dns
        ttl = int(dns.ttl.total_seconds())
        self.primary = aws.route53.Record(
            f"{name}-primary",
            zone_id=args.zone_id,
            name=dns.name,
            type="CNAME",
            ttl=ttl,
            records=[args.prod_edge],
            set_identifier="prod",
            failover_routing_policies=[{"type": "PRIMARY"}],
            health_check_id=self.marker_check.id if args.armed else None,
            opts=self._record_opts(args, "prod"),
        )
        aws.route53.Record(
            f"{name}-secondary",
            zone_id=args.zone_id,
            name=dns.name,
            type="CNAME",
            ttl=ttl,
            records=[args.dr_edge],
            set_identifier="dr",
            failover_routing_policies=[{"type": "SECONDARY"}],
            opts=self._record_opts(args, "dr"),
        )
        if args.dr_load_balancer:
            # Here and not in the dr stack: Route 53's API is in us-east-1, and that stack must not need it.
            aws.route53.Record(
                f"{name}-dr-edge",
                zone_id=args.zone_id,
                name=args.dr_edge,
                type="CNAME",
                ttl=_EDGE_TTL_SECONDS,
                records=[args.dr_load_balancer],
                opts=self._kept,
            )
        self.register_outputs({"marker_check_id": self.marker_check.id, "name": self.primary.name})

    def _record_opts(self, args: FailoverRecordArgs, site: SiteName) -> pulumi.ResourceOptions:
        """A record that stands already is imported under the id that creating it would have given."""
        if not args.adopted:
            return self._kept
        found = pulumi.ResourceOptions(import_=f"{args.zone_id}_{args.names.plan.dns.name}_CNAME_{site}")
        return pulumi.ResourceOptions.merge(self._kept, found)

    def _marker_bucket(self, name: str, args: FailoverRecordArgs) -> None:
        """SSE-S3 (an anonymous reader cannot read KMS objects), no lock, readable by the checkers only."""
        region = args.names.plan.sites.dr.region
        bucket = aws.s3.Bucket(f"{name}-bucket", bucket=args.names.marker_bucket, region=region, opts=self._kept)
        versioning = aws.s3.BucketVersioning(
            f"{name}-versioning",
            bucket=bucket.bucket,
            region=region,
            versioning_configuration={"status": "Enabled"},
            opts=self._kept,
        )
        encryption = aws.s3.BucketServerSideEncryptionConfiguration(
            f"{name}-encryption",
            bucket=bucket.bucket,
            region=region,
            rules=[
                {
                    "apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"},
                    "blocked_encryption_types": ["SSE-C"],
                }
            ],
            opts=self._kept,
        )
        closed = block_public_access(name, bucket.bucket, region, parent=self)
        aws.s3.BucketObjectv2(
            f"{name}-canary",
            bucket=bucket.bucket,
            region=region,
            key=CANARY_KEY,
            content=f"{CANARY_TEXT}\n",
            content_type="text/plain",
            opts=pulumi.ResourceOptions.merge(self._kept, pulumi.ResourceOptions(depends_on=[versioning, encryption])),
        )
        self.policy = aws.s3.BucketPolicy(
            f"{name}-policy",
            bucket=bucket.bucket,
            region=region,
            policy=json.dumps(marker_bucket_policy(args.names, args.checker_ranges)),
            opts=pulumi.ResourceOptions.merge(
                self._kept, pulumi.ResourceOptions(depends_on=[versioning, encryption, *closed])
            ),
        )

    def _check(
        self, name: str, args: FailoverRecordArgs, key: str, text: str, *, inverted: bool
    ) -> aws.route53.HealthCheck:
        """HTTPS with a search string: a redirect or an error page is no match."""
        terms = args.names.plan.dns.health_check
        return aws.route53.HealthCheck(
            name,
            type="HTTPS_STR_MATCH",
            fqdn=args.names.marker_host,
            port=443,
            enable_sni=True,
            resource_path=f"/{key}",
            search_string=text,
            invert_healthcheck=inverted,
            request_interval=int(terms.interval.total_seconds()),
            failure_threshold=terms.failures,
            tags={"Name": name},
            opts=pulumi.ResourceOptions.merge(self._kept, pulumi.ResourceOptions(depends_on=[self.policy])),
        )

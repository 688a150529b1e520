"""What a front must know about a request before it sends it on: place, region, service, operation, bucket."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

# Credential=KEY/20261105/us-west-2/dynamodb/aws4_request, in the header or (escaped) in a presigned URL
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-signing-elements.html
SCOPE = re.compile(r"[^/\s=]+/\d{8}/(?P<region>[a-z0-9-]+)/(?P<service>[a-z0-9-]+)/aws4_request")
# Global services have one control plane, in us-east-1, whatever region a client signs for.
GLOBAL_SERVICES = frozenset({"iam", "route53", "cloudfront"})
GLOBAL_REGION = "us-east-1"


@dataclass(frozen=True)
class Asked:
    """A request as the front judges it. `region` is None for an anonymous request; `bucket` only for S3."""

    service: str
    region: str | None
    operation: str
    bucket: str | None

    @property
    def about_bucket_itself(self) -> bool:
        """Creates or deletes the bucket, or asks where it is: answered by any region's endpoint."""
        return self.operation.partition(" ")[2].strip("/") in {self.bucket, f"{self.bucket}?location"}


@dataclass(frozen=True)
class MultiRegionTable:
    """The stand-in for multi-Region strong consistency: requests at any replica are executed in one region.

    moto keeps a table only in the region where it was made. Sent there, a read sees every acknowledged write and a
    condition the latest version, which is what DynamoDB promises for such a table
    (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html). Reachability is
    judged for the region the client asked. A witness region is no replica: nothing is rewritten for it, and moto
    answers ResourceNotFoundException as the table is not there.
    """

    home: str
    replicas: frozenset[str]

    def authorization(self, asked: Asked, header: str) -> str:
        """The Authorization header to send on."""
        if asked.service != "dynamodb" or asked.region not in self.replicas:
            return header
        return header.replace(f"/{asked.region}/dynamodb/", f"/{self.home}/dynamodb/", 1)


def read(method: str, raw_path: str, headers: Mapping[str, str]) -> Asked:
    """Judge a request by its first lines alone. Unsigned ones count as S3's, as only S3 is asked anonymously here."""
    url = urlsplit(raw_path)
    presigned = parse_qs(url.query).get("X-Amz-Credential", [""])[0]
    scope = SCOPE.search(headers.get("Authorization", "") or presigned)
    service = scope["service"] if scope else "s3"
    region = scope["region"] if scope else None
    if service in GLOBAL_SERVICES:
        region = GLOBAL_REGION
    target = headers.get("X-Amz-Target", "")
    shown = f"{url.path}?location" if url.query == "location" else url.path
    operation = target.rpartition(".")[2] if target else f"{method} {shown}"
    bucket = unquote(url.path).strip("/").split("/")[0] or None if service == "s3" else None
    return Asked(service, region, operation, bucket)

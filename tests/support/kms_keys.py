"""A key of KMS in each site's region, and what is sealed under both."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from cloud.sealing import KmsOpener, KmsSealer
from lab.aws.site import Aws
from tests.support.clients import client, unique

CONTEXT = {"dataset": "configuration", "backup": "20261130T040000Z-a", "cluster": "u"}
CONTENT = b"ultramarket-test-secret-sesame " * 5_000
REGIONS = {"dr": "us-west-2", "prod": "us-east-1"}


@dataclass
class Keys:
    aws: Aws
    kms: dict[str, Any]
    arns: dict[str, str]
    sealer: KmsSealer

    def disable(self, site: str) -> None:
        """Nobody may use it then."""
        self.kms[site].disable_key(KeyId=self.arns[site].rpartition("/")[2])

    def seal(self, content: bytes = CONTENT) -> tuple[bytes, tuple[str, ...], str]:
        made = self.sealer.seal(iter([content[:7], content[7:]]), CONTEXT)
        return b"".join(made.chunks), made.keys, made.missing

    def opened(self, sealed: bytes, *sites: str, context: dict[str, str] = CONTEXT) -> bytes:
        keys = [self.arns[site] for site in sites]
        return b"".join(KmsOpener().open(lambda: iter([sealed[:9], sealed[9:]]), keys, context))


@pytest.fixture
def keys(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Keys]:
    """A key in each region, known by an alias, as the stacks have it."""
    for name, value in aws.env("prod").items():
        monkeypatch.setenv(name, value)
    alias = f"alias/{unique('backups')}"
    kms = {site: client(aws, "kms", "operator", region) for site, region in REGIONS.items()}
    arns = {site: each.create_key()["KeyMetadata"]["Arn"] for site, each in kms.items()}
    for site, each in kms.items():
        each.create_alias(AliasName=alias, TargetKeyId=arns[site])
    named = {site: f"{arn.partition(':key/')[0]}:{alias}" for site, arn in arns.items()}
    yield Keys(aws, kms, arns, KmsSealer(dr=named["dr"], prod=named["prod"]))
    aws.reach.restore_all()
    for site, each in kms.items():
        each.delete_alias(AliasName=alias)
        each.schedule_key_deletion(KeyId=arns[site].rpartition("/")[2], PendingWindowInDays=7)

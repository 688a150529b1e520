"""S3's replication: obeys the rules declared on the buckets, later than the original by a settable delay.

moto stores replication rules without acting on them. As in S3, only versions written after the rule was there are
copied, each once, and delete markers are not
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-what-is-isnot-replicated.html). Not as in S3: the
copy has a version id of its own, and neither side carries a ReplicationStatus.
"""

import argparse
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from lab.aws.changes import count_of
from lab.aws.ledger import Ledger, Version
from lab.aws.rules import RuleFile

PLACE = "aws"
POLL_SECONDS = 0.3
RULES_SECONDS = 1.0
MD5_OF_NOTHING = "1B2M2Y8AsgTpgAmY7PhCfg=="
LOCK_FIELDS = ("ObjectLockMode", "ObjectLockRetainUntilDate", "ObjectLockLegalHoldStatus")


@dataclass(frozen=True)
class ReplicationRule:
    """One enabled rule of a bucket, in the terms of the decision to copy."""

    priority: int
    prefix: str
    destination: str
    storage_class: str | None

    @classmethod
    def parse(cls, rule: dict[str, Any]) -> "ReplicationRule | None":
        """None for a disabled rule. A filter by tags alone is not known here and matches nothing."""
        if rule.get("Status") != "Enabled":
            return None
        selected = rule.get("Filter") or {}
        prefix = rule.get("Prefix", selected.get("Prefix", selected.get("And", {}).get("Prefix")))
        if prefix is None and selected:
            return None
        target = rule["Destination"]
        bucket = target["Bucket"].rpartition(":")[2]
        return cls(int(rule.get("Priority", 0)), prefix or "", bucket, target.get("StorageClass"))


@dataclass
class Replicator:
    """Looks at every bucket's rules and copies what is new."""

    s3: Any
    rules: RuleFile
    ledger: Ledger
    delay: float
    seen: dict[Version, float] = field(default_factory=dict)
    rules_of: dict[str, list[ReplicationRule]] = field(default_factory=dict)
    regions: dict[str, str] = field(default_factory=dict)
    rules_read: float = 0.0
    rules_known: float = 0.0
    """Until when `rules_of` is all that was declared."""
    waiting: bool = False
    """Whether the last look left something to do: a copy whose time has not come or whose region is lost."""

    def __post_init__(self) -> None:
        # moto wants a checksum with a lock even of a copy, which has no body to take it from.
        self.s3.meta.events.register(
            "before-sign.s3.CopyObject", lambda request, **_: request.headers.add_header("Content-MD5", MD5_OF_NOTHING)
        )

    def pass_over(self, now: float) -> int:
        """One look at everything; returns how many versions were copied."""
        self.waiting = now - self.rules_read < RULES_SECONDS
        if not self.waiting:
            self._read_rules(now)
        return sum(self._copy_new(bucket, rules, now) for bucket, rules in self.rules_of.items())

    def nothing_written(self, now: float) -> None:
        """Nobody has written anything since the last look, which left nothing to do: it would see the same now."""
        self.rules_known = now

    def _read_rules(self, now: float) -> None:
        every = {bucket["Name"]: self._rules_of(bucket["Name"]) for bucket in self.s3.list_buckets()["Buckets"]}
        self.rules_of = {bucket: rules for bucket, rules in every.items() if rules}
        for bucket in self.rules_of:
            # Times of objects are whole seconds: nothing written in the second of the last look counts as older.
            self.ledger.declared_at(bucket, default=float(int(self.rules_known)))
        self.rules_read = self.rules_known = now

    def _copy_new(self, bucket: str, rules: list[ReplicationRule], now: float) -> int:
        copied = 0
        since = self.ledger.declared_at(bucket, default=now)
        for key, version_id, written, size in self._versions(bucket):
            # With several rules for one destination the highest priority decides; destinations are independent.
            matching = {rule.destination: rule for rule in reversed(rules) if key.startswith(rule.prefix)}
            for rule in matching.values():
                version = Version(bucket, key, version_id, rule.destination)
                if self.ledger.is_done(version) or written < since:
                    continue
                due = self.seen.setdefault(version, now) + self.delay
                if now >= due and self._both_up(bucket, rule.destination):
                    self._copy(version, rule, size)
                    copied += 1
                else:
                    self.waiting = True
        return copied

    def _versions(self, bucket: str) -> list[tuple[str, str, float, int]]:
        pages = self.s3.get_paginator("list_object_versions").paginate(Bucket=bucket)
        found = [entry for page in pages for entry in page.get("Versions", [])]
        # Oldest first, so that the newest version of a key is the newest at the destination too. The listing is
        # newest first within a key, and its times are too coarse to sort by alone.
        found.reverse()
        found.sort(key=lambda entry: entry["LastModified"])
        return [(e["Key"], e["VersionId"], e["LastModified"].timestamp(), e["Size"]) for e in found]

    def _copy(self, version: Version, rule: ReplicationRule, size: int) -> None:
        """Copy inside moto: no content travels. The intention is written first, see `Ledger`."""
        if self.ledger.was_begun(version) and self._arrived(version, size):
            self.ledger.done(version)
            return
        source = {"Bucket": version.bucket, "Key": version.key, "VersionId": version.version_id}
        head = self.s3.head_object(**source)
        kept: dict[str, Any] = {"StorageClass": rule.storage_class or head.get("StorageClass", "STANDARD")}
        kept |= {name: head[name] for name in LOCK_FIELDS if name in head}
        self.ledger.begin(version)
        self.s3.copy_object(Bucket=version.destination, Key=version.key, CopySource=source, **kept)
        self.ledger.done(version)
        self.seen.pop(version, None)

    def _arrived(self, version: Version, size: int) -> bool:
        begun = int(self.ledger.begun_at(version))
        found = self.s3.list_object_versions(Bucket=version.destination, Prefix=version.key).get("Versions", [])
        return any(
            (entry["Key"], entry["Size"]) == (version.key, size) and entry["LastModified"].timestamp() >= begun
            for entry in found
        )

    def _both_up(self, *buckets: str) -> bool:
        rules = self.rules.now()
        return all(rules.verdict(PLACE, self._region(bucket), "s3") is None for bucket in buckets)

    def _region(self, bucket: str) -> str:
        if bucket not in self.regions:
            answer = self.s3.get_bucket_location(Bucket=bucket)
            self.regions[bucket] = answer.get("LocationConstraint") or "us-east-1"
        return self.regions[bucket]

    def _rules_of(self, bucket: str) -> list[ReplicationRule]:
        """The bucket's enabled rules, highest priority first."""
        try:
            configuration = self.s3.get_bucket_replication(Bucket=bucket)["ReplicationConfiguration"]
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in {"ReplicationConfigurationNotFoundError", "NoSuchBucket"}:
                return []
            raise
        parsed = [ReplicationRule.parse(rule) for rule in configuration["Rules"]]
        return sorted((rule for rule in parsed if rule), key=lambda rule: -rule.priority)


def main(argv: list[str] | None = None) -> None:
    """Replicate until SIGTERM, whose default action ends the process at once."""
    parser = argparse.ArgumentParser(prog="lab.aws.replicator", description=__doc__)
    parser.add_argument("--moto", required=True, help="moto's URL")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds between an object and its copy")
    parser.add_argument("--state", type=Path, required=True, help="what has been copied; survives a restart")
    parser.add_argument("--rules", type=Path, required=True, help="the fronts' rules: a region that is gone")
    parser.add_argument("--changes", type=Path, required=True, help="folder with moto's counts of writes")
    options = parser.parse_args(argv)
    s3 = boto3.client(
        "s3",
        endpoint_url=options.moto,
        region_name="us-east-1",
        aws_access_key_id="lab",
        aws_secret_access_key="lab",
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )
    replicator = Replicator(s3, RuleFile(options.rules), Ledger(options.state), options.delay)
    sys.stdout.write(f"process {os.getpid()} ready: replicator\n")
    sys.stdout.flush()
    looked_at = -1
    while True:
        began = time.monotonic()
        count, now = count_of(options.changes, "s3"), time.time()
        if count == looked_at:
            replicator.nothing_written(now)
            time.sleep(POLL_SECONDS)
            continue
        try:
            replicator.pass_over(now)
            if not replicator.waiting:
                looked_at = count
        except EndpointConnectionError:
            time.sleep(POLL_SECONDS)
        except (BotoCoreError, ClientError) as error:
            sys.stderr.write(f"replication goes on after: {error}\n")
            sys.stderr.flush()
        # Looking at large buckets is work for moto: never more than a sixth of the time.
        time.sleep(max(POLL_SECONDS, 5 * (time.monotonic() - began)))


if __name__ == "__main__":
    main()

"""Copies in an account of their own: what each account's login finds."""

import copy
import json
from collections.abc import Mapping
from typing import Any

from operations.checks.account.check import check
from operations.monitoring.findings import CRITICAL, OK, UNKNOWN
from recovery.access.backup_account import bucket_grants
from recovery.access.buckets import backup_bucket_policy
from recovery.access.duties import duty_policies
from recovery.errors import Refused
from recovery.names import Names
from recovery.plan.loading import parse_plan
from recovery.plan.plan import SITES
from tests.support.account import ASSETS, KEYS, NAMES, Account, declared_key, declared_settings, found
from tests.support.plans import edited

APART = Names(parse_plan(edited(("time_zone:", 'backup_account: "210987654321"\ntime_zone:'))), NAMES.account)
KEY_APART = "arn:aws:kms:us-west-2:210987654321:key/copies"


KEYS_APART = {"prod": KEYS["prod"], "dr": KEY_APART}


class Apart(Account):
    """As declared with copies in an account of their own, which tells nobody else anything."""

    def __init__(self, login: str) -> None:
        super().__init__()
        self.login = login
        self.settings = declared_settings(APART, KEYS_APART)
        self.keys = {KEYS_APART[site]: declared_key(APART, site) for site in SITES}
        self.policies = copy.deepcopy(duty_policies(APART, KEYS_APART, ASSETS))

    def buckets(self) -> frozenset[str]:
        return frozenset(bucket for bucket in super().buckets() if self._ours(bucket))

    def bucket_setting(self, bucket: str, region: str, operation: str) -> Mapping[str, Any]:
        if not self._ours(bucket):
            raise Refused("AWS refused: AccessDenied", next_step="other credentials")
        return super().bucket_setting(bucket, region, operation)

    def key(self, arn: str, region: str) -> Mapping[str, Any]:
        if self.login not in arn:
            raise Refused("AWS refused: AccessDeniedException", next_step="other credentials")
        return super().key(arn, region)

    def _ours(self, bucket: str) -> bool:
        theirs = bucket in (APART.backup_bucket("dr"), APART.assets_bucket)
        return theirs == (self.login == APART.account_of_copies("dr"))


def test_copies_in_another_account_are_unknown_here_and_every_duty_is_judged_all_the_same() -> None:
    """Production's replication names the bucket's key."""
    levels = {each.name: each for each in check(APART, Apart(APART.account))}
    assert {name for name, each in levels.items() if each.level != OK} == {"bucket dr", "bucket assets", "key dr"}
    for name in ("bucket dr", "bucket assets", "key dr"):
        assert levels[name].level == UNKNOWN
        assert "sign in to account 210987654321" in levels[name].next_step


def test_a_bucket_of_this_account_that_does_not_let_itself_be_read_is_unknown_with_aws_s_own_words() -> None:
    class Narrow(Account):
        def bucket_setting(self, bucket: str, region: str, operation: str) -> Mapping[str, Any]:
            raise Refused("AWS refused: AccessDenied", next_step="other credentials")

    finding = found(Narrow())["bucket dr"]
    assert (finding.level, finding.words, finding.next_step) == (
        UNKNOWN, "AWS refused: AccessDenied", "other credentials",
    )  # fmt: skip


def test_copies_in_another_account_that_let_themselves_be_read_keep_that_account_s_break_glass() -> None:
    account, bucket = Account(), APART.backup_bucket("dr")
    account.settings = declared_settings(APART, KEYS_APART)
    account.keys = {KEYS_APART[site]: declared_key(APART, site) for site in SITES}
    for theirs, level in ((APART.account_of_copies("dr"), OK), (APART.account, CRITICAL)):
        break_glass = APART.role_arn("break-glass", theirs)
        policy = backup_bucket_policy(bucket, KEY_APART, break_glass, bucket_grants(APART, bucket))
        account.settings[bucket, "get_bucket_policy"] = {"Policy": json.dumps(policy)}
        (finding,) = [each for each in check(APART, account) if each.name == "bucket dr"]
        assert finding.level == level, finding.words


def test_with_the_login_of_the_copies_account_its_buckets_and_its_key_are_checked_and_nothing_else() -> None:
    there = Names(APART.plan, "210987654321")
    account = Apart(there.account)
    assert [(each.name, each.level) for each in check(there, account)] == [
        ("bucket dr", OK),
        ("bucket assets", OK),
        ("key dr", OK),
    ]
    account.keys[KEY_APART]["KeyState"] = "PendingDeletion"
    assert {each.name for each in check(there, account) if each.level == CRITICAL} == {"key dr"}

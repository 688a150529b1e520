"""A key under which copies could become unreadable, or readable to others, is named."""

from typing import Any

import pytest

from operations.monitoring.findings import CRITICAL, OK, UNKNOWN
from recovery.plan.plan import SITES, SiteName
from tests.support.account import KEYS, NAMES, Account, declared_key, found


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"KeyState": "PendingDeletion", "KeyRotationEnabled": False}, "it is PendingDeletion: no copy can be read"),
        ({"KeyState": "Disabled"}, "it is Disabled"),
        ({"KeyRotationEnabled": False}, "it is never rotated"),
        ({"KeyManager": "AWS"}, "it is AWS's own"),
        ({"MultiRegion": True}, "a replica elsewhere goes by a policy of its own"),
        ({"Policy": '{"Statement": []}'}, "its policy lacks or changes IamDecides, KeepKey"),
    ],
)
def test_a_key_that_is_not_as_declared_is_named(site: SiteName, change: dict[str, Any], words: str) -> None:
    account = Account()
    account.keys[KEYS[site]] |= change
    levels = found(account)
    assert (levels[f"key {site}"].level, words in levels[f"key {site}"].words) == (CRITICAL, True)
    assert levels["key dr" if site == "prod" else "key prod"].level == OK


def test_a_key_policy_that_lets_somebody_else_in_is_named() -> None:
    account = Account()
    statement = '{"Sid": "Friends", "Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}, '
    declared = declared_key(NAMES, "dr")["Policy"]
    account.keys[KEYS["dr"]]["Policy"] = declared.replace('"Statement": [', f'"Statement": [{statement}')
    assert "its policy has Friends, which nobody declared" in found(account)["key dr"].words


def test_a_key_that_no_bucket_tells_is_unknown() -> None:
    account = Account()
    account.settings[NAMES.backup_bucket("prod"), "get_bucket_encryption"] = {}
    assert found(account)["key prod"].level == UNKNOWN

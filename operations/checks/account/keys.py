"""The keys that the copies are encrypted under."""

from collections.abc import Mapping

from operations.checks.account.buckets import in_its_account
from operations.checks.account.policies import policy_faults
from operations.checks.account.view import FOUNDATION, View
from operations.monitoring.findings import CRITICAL, OK, UNKNOWN, Judged
from recovery.access.backup_account import key_grants
from recovery.access.buckets import backup_key_policy
from recovery.names import Names
from recovery.plan.plan import SiteName


def backup_key(names: Names, view: View, site: SiteName, keys: Mapping[str, str]) -> Judged:
    """The key of the bucket in `site`'s region: in use, ours, of that region alone, turned over, policy as declared."""
    arn = keys.get(site)
    if arn is None:
        return Judged(UNKNOWN, "the bucket's key is not known, see above")
    return in_its_account(names, site, lambda: _judge(names, view, site, arn))


def _judge(names: Names, view: View, site: SiteName, arn: str) -> Judged:
    found = view.key(arn, names.plan.site(site).region)
    wrong: list[str] = []
    if found.get("KeyState") != "Enabled":
        wrong.append(f"it is {found.get('KeyState')}: no copy can be read, and once the key is gone none ever again")
    elif not found.get("KeyRotationEnabled"):
        wrong.append("it is never rotated")
    if found.get("KeyManager") != "CUSTOMER":
        wrong.append("it is AWS's own, which no policy of ours governs")
    if found.get("MultiRegion"):
        wrong.append("it is a multi-Region key: a replica elsewhere goes by a policy of its own")
    account = names.account_of_copies(site)
    grants = key_grants(names) if site == "dr" else ()
    declared = backup_key_policy(account, names.role_arn("break-glass", account), grants)
    # With the login of the account of copies it is not known whose account production is.
    whole = names.account != names.plan.backup_account
    wrong += policy_faults(str(found.get("Policy", "")), declared, whole=whole)
    if wrong:
        return Judged(CRITICAL, f"{arn}: {'; '.join(wrong)}", FOUNDATION)
    return Judged(OK, f"{arn}: enabled, rotated, of its region alone, policy as declared")

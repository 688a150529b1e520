"""How foundation gets into the account with the DR region's copies, when the plan names one."""

from infra.settings.config import Config
from recovery.plan.plan import Plan

_KEY = "backupAccountRole"


def backup_account_role(config: Config, plan: Plan, account: str) -> str:
    """The role that brings up its part; empty when the plan names no such account. Who may take it, with which MFA, is
    that account's to say and not production's."""
    holder = plan.backup_account
    if holder is None:
        if config.given(_KEY):
            where = f"the copies in {plan.sites.dr.region} stay in {account}"
            config.problems.append(f"{config.namespace}:{_KEY}: recovery.yaml names no backup_account, so {where}")
        return ""
    if holder == account:
        config.problems.append(f"recovery.yaml: backup_account: {holder} is production's own; name another, or none")
        config.given(_KEY)  # known, and of no account it could be in
        return ""
    expected = f"the ARN of a role in the backup account, such as arn:aws:iam::{holder}:role/dr-foundation"
    return config.text(_KEY, rf"arn:aws:iam::{holder}:role/[\w+=,.@/-]+", expected)

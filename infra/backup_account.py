"""The account with the DR region's copies, when the plan names one: how foundation gets there."""

import pulumi_aws as aws

from infra.settings.config import Config
from recovery.names import PREFIX, Names
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


def backup_account_provider(names: Names, role_arn: str) -> aws.Provider | None:
    """Its provider, which refuses to work in any other account."""
    if not names.apart:
        return None
    return aws.Provider(
        "aws-copies",
        region=names.plan.sites.dr.region,
        allowed_account_ids=[names.account_of_copies("dr")],
        # Not a plain dict: provider settings travel as JSON, and a dict's keys would stay in snake_case, unread.
        assume_roles=[aws.ProviderAssumeRoleArgs(role_arn=role_arn, session_name=f"{PREFIX}-dr")],
    )

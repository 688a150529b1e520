"""The account with the DR region's copies, when the plan names one: how foundation works in it."""

import pulumi_aws as aws

from recovery.names import PREFIX, Names


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

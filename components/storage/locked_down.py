"""What every bucket of ours has: no public access by any of the four ways, and one owner of all objects."""

import pulumi
import pulumi_aws as aws


def block_public_access(
    name: str, bucket: pulumi.Input[str], region: str, *, parent: pulumi.Resource
) -> tuple[aws.s3.BucketPublicAccessBlock, aws.s3.BucketOwnershipControls]:
    """All four switches (each is off by default), and ownership that switches ACLs off."""
    kept = pulumi.ResourceOptions(parent=parent, protect=True, retain_on_delete=True)
    block = aws.s3.BucketPublicAccessBlock(
        f"{name}-public-access",
        bucket=bucket,
        region=region,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        opts=kept,
    )
    # S3 refuses two settings of one bucket at the same moment (409 OperationAborted), so one after the other.
    ownership = aws.s3.BucketOwnershipControls(
        f"{name}-ownership",
        bucket=bucket,
        region=region,
        rule={"object_ownership": "BucketOwnerEnforced"},
        opts=pulumi.ResourceOptions.merge(kept, pulumi.ResourceOptions(depends_on=[block])),
    )
    return block, ownership

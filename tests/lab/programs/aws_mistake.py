"""One wrong key, deep inside a dict literal where Python cannot notice."""

import pulumi_aws as aws

aws.s3.BucketVersioning("wrong", bucket="b", versioning_configuration={"status": "Enabled", "mfaDelet": "x"})  # type: ignore

"""A resource as the absolute rules see it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from policy.values import Value

# Of all providers and versions of them: BucketV2 was the name for some years.
_BUCKET = re.compile(r"aws(-native)?:s3(/\w+)?:Bucket(V2|Legacy)?")


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A resource as it will be. `parents` are the types of the components around it; `protect` as Pulumi keeps it."""

    type: str
    name: str
    inputs: Mapping[str, Value]
    parents: tuple[str, ...] = field(default=())
    protect: bool = False

    @property
    def is_bucket(self) -> bool:
        """Whether it is an S3 bucket, whatever the provider calls it."""
        return _BUCKET.fullmatch(self.type) is not None


Broken = tuple[str, str]
"""(property, what is wrong there)."""

"""EBS: whether new volumes of a region are encrypted, a switch that is always there. The stand-in makes no disks."""

from lab.providers.aws.base import Aws, Handler
from lab.providers.base import Inputs


class EncryptionByDefault(Handler):
    """Known by its region, as the real provider does; to delete it is to switch it off."""

    def create(self, aws: Aws, inputs: Inputs) -> str:
        switch = "enable" if inputs.get("enabled", True) else "disable"
        aws.call("ec2", f"{switch}_ebs_encryption_by_default")
        return aws.region

    def read(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        return {"enabled": aws.call("ec2", "get_ebs_encryption_by_default")["EbsEncryptionByDefault"]}

    def update(self, aws: Aws, resource_id: str, old: Inputs, new: Inputs) -> None:
        self.create(aws, new)

    def delete(self, aws: Aws, resource_id: str, inputs: Inputs) -> None:
        aws.call("ec2", "disable_ebs_encryption_by_default")


HANDLERS: dict[str, Handler] = {"aws:ebs/encryptionByDefault:EncryptionByDefault": EncryptionByDefault()}

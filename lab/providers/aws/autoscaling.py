"""The Auto Scaling groups behind EKS's node groups, as far as load balancers see them."""

from lab.providers.aws.base import Aws, Handler, NotFound
from lab.providers.base import Inputs


class Attachment(Handler):
    """A group's nodes as targets. The lab has one node a site and no instances: the group's name stands for it."""

    def create(self, aws: Aws, inputs: Inputs) -> str:
        targets = [{"Id": inputs["autoscalingGroupName"]}]
        aws.call("elbv2", "register_targets", TargetGroupArn=inputs["lbTargetGroupArn"], Targets=targets)
        return f"{inputs['autoscalingGroupName']}-{inputs['lbTargetGroupArn'].rpartition('/')[2]}"

    def read(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        group = inputs["lbTargetGroupArn"]
        found = aws.call("elbv2", "describe_target_health", TargetGroupArn=group)["TargetHealthDescriptions"]
        if not any(each["Target"]["Id"] == inputs["autoscalingGroupName"] for each in found):
            raise NotFound(resource_id)
        return {"autoscalingGroupName": inputs["autoscalingGroupName"], "lbTargetGroupArn": group}

    def delete(self, aws: Aws, resource_id: str, inputs: Inputs) -> None:
        targets = [{"Id": inputs["autoscalingGroupName"]}]
        aws.call("elbv2", "deregister_targets", TargetGroupArn=inputs["lbTargetGroupArn"], Targets=targets)


HANDLERS: dict[str, Handler] = {"aws:autoscaling/attachment:Attachment": Attachment()}

"""EventBridge, which Pulumi keeps under CloudWatch: rules and where they send."""

from lab.providers.aws_base import Aws, Handler, NotFound, picked, removed_tags, tag_list, tag_map
from lab.providers.base import Inputs


class EventRule(Handler):
    """On the default bus."""

    computed = ("arn",)

    def create(self, aws: Aws, inputs: Inputs) -> str:
        self._put(aws, inputs)
        if inputs.get("tagsAll"):
            arn = self.outputs(aws, inputs["name"], inputs)["arn"]
            aws.call("events", "tag_resource", ResourceARN=arn, Tags=tag_list(inputs["tagsAll"]))
        return inputs["name"]

    @staticmethod
    def _put(aws: Aws, inputs: Inputs) -> None:
        arguments = picked(
            inputs,
            Description="description",
            EventPattern="eventPattern",
            RoleArn="roleArn",
            ScheduleExpression="scheduleExpression",
            State="state",
        )
        aws.call("events", "put_rule", Name=inputs["name"], **arguments)

    def outputs(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        return {"arn": f"arn:aws:events:{aws.region}:{aws.account}:rule/{resource_id}"}

    def read(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        found = aws.call("events", "describe_rule", Name=resource_id)
        arn = self.outputs(aws, resource_id, inputs)["arn"]
        tags = aws.call("events", "list_tags_for_resource", ResourceARN=arn)["Tags"]
        live = {
            "name": resource_id,
            "description": found.get("Description", ""),
            "eventPattern": found.get("EventPattern", ""),
            "scheduleExpression": found.get("ScheduleExpression", ""),
            "state": found["State"],
        }
        return {**live, "tagsAll": tag_map(tags)}

    def update(self, aws: Aws, resource_id: str, old: Inputs, new: Inputs) -> None:
        self._put(aws, new)
        arn = self.outputs(aws, resource_id, new)["arn"]
        gone = removed_tags({"tags": old.get("tagsAll")}, {"tags": new.get("tagsAll")})
        if gone:
            aws.call("events", "untag_resource", ResourceARN=arn, TagKeys=gone)
        if new.get("tagsAll"):
            aws.call("events", "tag_resource", ResourceARN=arn, Tags=tag_list(new["tagsAll"]))

    def delete(self, aws: Aws, resource_id: str, inputs: Inputs) -> None:
        aws.call("events", "delete_rule", Name=resource_id)


class EventTarget(Handler):
    """Where a rule sends what it matched."""

    def create(self, aws: Aws, inputs: Inputs) -> str:
        target = {"Id": inputs["targetId"], **picked(inputs, Arn="arn", Input="input", RoleArn="roleArn")}
        aws.call("events", "put_targets", Rule=inputs["rule"], Targets=[target])
        return f"{inputs['rule']}-{inputs['targetId']}"

    def read(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        for one in aws.call("events", "list_targets_by_rule", Rule=inputs["rule"])["Targets"]:
            if one["Id"] == inputs["targetId"]:
                return {"rule": inputs["rule"], "targetId": one["Id"], "arn": one["Arn"]}
        raise NotFound(resource_id)

    def update(self, aws: Aws, resource_id: str, old: Inputs, new: Inputs) -> None:
        self.create(aws, new)

    def delete(self, aws: Aws, resource_id: str, inputs: Inputs) -> None:
        aws.call("events", "remove_targets", Rule=inputs["rule"], Ids=[inputs["targetId"]])


HANDLERS: dict[str, Handler] = {
    "aws:cloudwatch/eventRule:EventRule": EventRule(),
    "aws:cloudwatch/eventTarget:EventTarget": EventTarget(),
}

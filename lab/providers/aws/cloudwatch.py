"""CloudWatch's alarms, and EventBridge, which Pulumi keeps there too: rules and where they send."""

from lab.providers.aws.base import Aws, Handler, NotFound, picked, removed_tags, tag_list, tag_map
from lab.providers.base import Inputs
from lab.providers.serving import ProviderError


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


_ALARM = {
    "actionsEnabled": "ActionsEnabled",
    "alarmActions": "AlarmActions",
    "alarmDescription": "AlarmDescription",
    "comparisonOperator": "ComparisonOperator",
    "datapointsToAlarm": "DatapointsToAlarm",
    "evaluationPeriods": "EvaluationPeriods",
    "metricName": "MetricName",
    "namespace": "Namespace",
    "okActions": "OKActions",
    "period": "Period",
    "statistic": "Statistic",
    "threshold": "Threshold",
    "treatMissingData": "TreatMissingData",
}
_WHOLE = ("datapointsToAlarm", "evaluationPeriods", "period")  # Pulumi has one kind of number


class MetricAlarm(Handler):
    """On one metric. It may only tell topics of its own region."""

    computed = ("arn",)

    def create(self, aws: Aws, inputs: Inputs) -> str:
        for topic in [*inputs.get("alarmActions", ()), *inputs.get("okActions", ())]:
            if f":{aws.region}:" not in topic:
                raise ProviderError(f"{aws.what}: an alarm in {aws.region} cannot tell {topic}, of another region")
        request = picked(inputs, **{theirs: ours for ours, theirs in _ALARM.items()})
        request |= {_ALARM[name]: int(inputs[name]) for name in _WHOLE if inputs.get(name) is not None}
        dimensions = [{"Name": key, "Value": value} for key, value in (inputs.get("dimensions") or {}).items()]
        aws.call("cloudwatch", "put_metric_alarm", AlarmName=inputs["name"], Dimensions=dimensions, **request)
        return inputs["name"]

    def outputs(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        return {"arn": f"arn:aws:cloudwatch:{aws.region}:{aws.account}:alarm:{resource_id}"}

    def read(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        found = aws.call("cloudwatch", "describe_alarms", AlarmNames=[resource_id])["MetricAlarms"]
        if not found:
            raise NotFound(resource_id)
        live = {ours: found[0][theirs] for ours, theirs in _ALARM.items() if ours in inputs and theirs in found[0]}
        return {
            **live,
            "name": resource_id,
            "dimensions": {each["Name"]: each["Value"] for each in found[0]["Dimensions"]},
        }

    def update(self, aws: Aws, resource_id: str, old: Inputs, new: Inputs) -> None:
        self.create(aws, new)

    def delete(self, aws: Aws, resource_id: str, inputs: Inputs) -> None:
        aws.call("cloudwatch", "delete_alarms", AlarmNames=[resource_id])


class LogGroup(Handler):
    """Where a service writes its log, and how long that is kept."""

    computed = ("arn",)

    def create(self, aws: Aws, inputs: Inputs) -> str:
        aws.call("logs", "create_log_group", logGroupName=inputs["name"], tags=inputs.get("tagsAll") or {})
        self.update(aws, inputs["name"], {}, inputs)
        return inputs["name"]

    def outputs(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        return {"arn": f"arn:aws:logs:{aws.region}:{aws.account}:log-group:{resource_id}"}

    def read(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        for found in aws.call("logs", "describe_log_groups", logGroupNamePrefix=resource_id)["logGroups"]:
            if found["logGroupName"] == resource_id:
                return {"name": resource_id, "retentionInDays": found.get("retentionInDays", 0)}
        raise NotFound(resource_id)

    def update(self, aws: Aws, resource_id: str, old: Inputs, new: Inputs) -> None:
        if new.get("retentionInDays"):
            days = int(new["retentionInDays"])
            aws.call("logs", "put_retention_policy", logGroupName=resource_id, retentionInDays=days)
        elif old.get("retentionInDays"):
            aws.call("logs", "delete_retention_policy", logGroupName=resource_id)

    def delete(self, aws: Aws, resource_id: str, inputs: Inputs) -> None:
        aws.call("logs", "delete_log_group", logGroupName=resource_id)


HANDLERS: dict[str, Handler] = {
    "aws:cloudwatch/logGroup:LogGroup": LogGroup(),
    "aws:cloudwatch/metricAlarm:MetricAlarm": MetricAlarm(),
    "aws:cloudwatch/eventRule:EventRule": EventRule(),
    "aws:cloudwatch/eventTarget:EventTarget": EventTarget(),
}

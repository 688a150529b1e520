"""SNS: topics, their policies and subscriptions."""

from lab.providers.aws.base import Aws, Handler, NotFound, removed_tags, tag_list, tag_map
from lab.providers.base import Inputs
from lab.providers.values import policy_text

_ATTRIBUTES = {"displayName": "DisplayName", "kmsMasterKeyId": "KmsMasterKeyId"}


class Topic(Handler):
    """Its policy is a resource of its own."""

    computed = ("arn", "owner")

    def create(self, aws: Aws, inputs: Inputs) -> str:
        wanted = {theirs: inputs[ours] for ours, theirs in _ATTRIBUTES.items() if inputs.get(ours) is not None}
        tags = tag_list(inputs.get("tagsAll"))
        return aws.call("sns", "create_topic", Name=inputs["name"], Attributes=wanted, Tags=tags)["TopicArn"]

    def outputs(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        return {"arn": resource_id, "owner": aws.account}

    def read(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        found = aws.call("sns", "get_topic_attributes", TopicArn=resource_id)["Attributes"]
        live = {ours: found.get(theirs, "") for ours, theirs in _ATTRIBUTES.items()}
        tags = aws.call("sns", "list_tags_for_resource", ResourceArn=resource_id)["Tags"]
        return {**live, "name": resource_id.rsplit(":", 1)[-1], "tagsAll": tag_map(tags)}

    def update(self, aws: Aws, resource_id: str, old: Inputs, new: Inputs) -> None:
        for ours, theirs in _ATTRIBUTES.items():
            if new.get(ours) != old.get(ours):
                _set(aws, resource_id, theirs, new.get(ours) or "")
        gone = removed_tags({"tags": old.get("tagsAll")}, {"tags": new.get("tagsAll")})
        if gone:
            aws.call("sns", "untag_resource", ResourceArn=resource_id, TagKeys=gone)
        if new.get("tagsAll"):
            aws.call("sns", "tag_resource", ResourceArn=resource_id, Tags=tag_list(new["tagsAll"]))

    def delete(self, aws: Aws, resource_id: str, inputs: Inputs) -> None:
        aws.call("sns", "delete_topic", TopicArn=resource_id)


class TopicPolicy(Handler):
    """An attribute of its topic. Taken away, SNS would put its default in place; the stand-in's topic just keeps it."""

    def create(self, aws: Aws, inputs: Inputs) -> str:
        _set(aws, inputs["arn"], "Policy", policy_text(inputs["policy"]))
        return inputs["arn"]

    def read(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        found = aws.call("sns", "get_topic_attributes", TopicArn=resource_id)["Attributes"]
        return {"arn": resource_id, "policy": found["Policy"]}

    def update(self, aws: Aws, resource_id: str, old: Inputs, new: Inputs) -> None:
        self.create(aws, new)

    def delete(self, aws: Aws, resource_id: str, inputs: Inputs) -> None:
        aws.call("sns", "get_topic_attributes", TopicArn=resource_id)


class TopicSubscription(Handler):
    """The stand-in confirms nothing, as SNS does not without its owner."""

    computed = ("arn",)

    def create(self, aws: Aws, inputs: Inputs) -> str:
        request = {"TopicArn": inputs["topic"], "Protocol": inputs["protocol"], "Endpoint": inputs["endpoint"]}
        return aws.call("sns", "subscribe", **request, ReturnSubscriptionArn=True)["SubscriptionArn"]

    def outputs(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        return {"arn": resource_id}

    def read(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        topic = inputs["topic"]
        for one in aws.call("sns", "list_subscriptions_by_topic", TopicArn=topic)["Subscriptions"]:
            if one["SubscriptionArn"] == resource_id:
                return {"topic": one["TopicArn"], "protocol": one["Protocol"], "endpoint": one["Endpoint"]}
        raise NotFound(resource_id)

    def delete(self, aws: Aws, resource_id: str, inputs: Inputs) -> None:
        aws.call("sns", "unsubscribe", SubscriptionArn=resource_id)


def _set(aws: Aws, arn: str, name: str, value: str) -> None:
    aws.call("sns", "set_topic_attributes", TopicArn=arn, AttributeName=name, AttributeValue=value)


HANDLERS: dict[str, Handler] = {
    "aws:sns/topic:Topic": Topic(),
    "aws:sns/topicPolicy:TopicPolicy": TopicPolicy(),
    "aws:sns/topicSubscription:TopicSubscription": TopicSubscription(),
}

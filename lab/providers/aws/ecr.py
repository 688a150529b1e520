"""ECR: what a registry copies to other regions. There is one such setting a registry."""

from lab.providers.aws.base import Aws, Handler, NotFound
from lab.providers.aws.shapes import from_response, to_request
from lab.providers.base import Inputs


class Replication(Handler):
    """Putting it replaces all rules; deleting it puts none."""

    computed = ("registryId",)

    def create(self, aws: Aws, inputs: Inputs) -> str:
        operation = aws.client("ecr").meta.service_model.operation_model("PutReplicationConfiguration")
        wanted = {"replicationConfiguration": inputs["replicationConfiguration"]}
        aws.call("ecr", "put_replication_configuration", **to_request(wanted, operation.input_shape))
        return aws.account

    def outputs(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        return {"registryId": aws.account}

    def read(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        found = from_response(aws.call("ecr", "describe_registry"))["replicationConfiguration"]
        if not found.get("rules"):
            raise NotFound(resource_id)
        return {"replicationConfiguration": found}

    def update(self, aws: Aws, resource_id: str, old: Inputs, new: Inputs) -> None:
        self.create(aws, new)

    def delete(self, aws: Aws, resource_id: str, inputs: Inputs) -> None:
        aws.call("ecr", "put_replication_configuration", replicationConfiguration={"rules": []})


HANDLERS: dict[str, Handler] = {"aws:ecr/replicationConfiguration:ReplicationConfiguration": Replication()}

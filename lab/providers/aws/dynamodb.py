"""DynamoDB: tables, above all the control table with its replica and witness."""

from lab.providers.aws.base import UNSUPPORTED, Aws, Handler, NotFound, picked, removed_tags, tag_list, tag_map
from lab.providers.base import Inputs
from lab.providers.serving import ProviderError
from lab.providers.values import Plain

REPLICAS = "table replicas"
"""The stand-in takes replicas and witness without keeping them; what was declared is kept beside it."""


class Table(Handler):
    """Replicas live in other regions: a refresh asks there too, and fails when such a region is gone, as in AWS."""

    computed = ("arn", "streamArn", "streamLabel")

    def create(self, aws: Aws, inputs: Inputs) -> str:
        self._check_replicas(aws, inputs)
        arguments = picked(inputs, BillingMode="billingMode", TableClass="tableClass")
        if inputs.get("billingMode", "PROVISIONED") == "PROVISIONED":
            arguments["ProvisionedThroughput"] = _throughput(inputs)
        if inputs.get("localSecondaryIndexes"):
            arguments["LocalSecondaryIndexes"] = [
                _index(one, [inputs["hashKey"], one["rangeKey"]]) for one in inputs["localSecondaryIndexes"]
            ]
        if inputs.get("globalSecondaryIndexes"):
            arguments["GlobalSecondaryIndexes"] = [
                _index(one, [one["hashKey"], one.get("rangeKey")]) for one in inputs["globalSecondaryIndexes"]
            ]
        if inputs.get("streamEnabled"):
            arguments["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": inputs["streamViewType"]}
        if (inputs.get("serverSideEncryption") or {}).get("enabled"):
            arguments["SSESpecification"] = _encryption(inputs)
        name = inputs["name"]
        aws.call(
            "dynamodb",
            "create_table",
            TableName=name,
            KeySchema=_keys([inputs.get("hashKey"), inputs.get("rangeKey")]),
            AttributeDefinitions=[
                {"AttributeName": one["name"], "AttributeType": one["type"]} for one in inputs.get("attributes") or []
            ],
            DeletionProtectionEnabled=bool(inputs.get("deletionProtectionEnabled")),
            Tags=tag_list(inputs.get("tagsAll")),
            **arguments,
        )
        self._beside(aws, name, {}, inputs)
        return name

    @staticmethod
    def _check_replicas(aws: Aws, inputs: Inputs) -> None:
        strong = [one.get("consistencyMode") == "STRONG" for one in inputs.get("replicas") or []]
        witness = bool(inputs.get("globalTableWitness"))
        if any(strong) and not (all(strong) and len(strong) == (1 if witness else 2)):
            raise ProviderError(
                f"{aws.what}: strongly consistent replicas are exactly two, or one and a globalTableWitness, all STRONG"
            )
        if witness and not any(strong):
            raise ProviderError(f"{aws.what}: globalTableWitness needs one replica with consistencyMode STRONG")

    def _beside(self, aws: Aws, name: str, old: Inputs, new: Inputs) -> None:
        """What DynamoDB takes in requests of their own: recovery, expiry, replicas."""
        if new.get("pointInTimeRecovery") != old.get("pointInTimeRecovery"):
            enabled = bool((new.get("pointInTimeRecovery") or {}).get("enabled"))
            settings = {"PointInTimeRecoveryEnabled": enabled}
            aws.call("dynamodb", "update_continuous_backups", TableName=name, PointInTimeRecoverySpecification=settings)
        if new.get("ttl") != old.get("ttl"):
            ttl = new.get("ttl") or {}
            attribute = ttl.get("attributeName") or (old.get("ttl") or {}).get("attributeName")
            settings = {"Enabled": bool(ttl.get("enabled")), "AttributeName": attribute}
            aws.call("dynamodb", "update_time_to_live", TableName=name, TimeToLiveSpecification=settings)
        self._replicate(aws, name, new)

    @staticmethod
    def _replicate(aws: Aws, name: str, inputs: Inputs) -> None:
        for replica in inputs.get("replicas") or []:
            _reach(aws, name, replica["regionName"])
        declared = {key: inputs[key] for key in ("replicas", "globalTableWitness") if inputs.get(key)}
        UNSUPPORTED.put(REPLICAS, f"{aws.region} {name}", declared)

    def outputs(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        table = aws.call("dynamodb", "describe_table", TableName=resource_id)["Table"]
        arn = f"arn:aws:dynamodb:{aws.region}:{aws.account}:table/{resource_id}"
        return {
            "arn": arn,
            "streamArn": table.get("LatestStreamArn", ""),
            "streamLabel": table.get("LatestStreamLabel", ""),
        }

    def read(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        table = aws.call("dynamodb", "describe_table", TableName=resource_id)["Table"]
        keys = {one["KeyType"]: one["AttributeName"] for one in table["KeySchema"]}
        arn = table["TableArn"]
        live: Inputs = {
            "name": resource_id,
            "hashKey": keys["HASH"],
            "rangeKey": keys.get("RANGE"),
            "billingMode": table.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED"),
            "deletionProtectionEnabled": table.get("DeletionProtectionEnabled", False),
            "tagsAll": tag_map(aws.call("dynamodb", "list_tags_of_resource", ResourceArn=arn)["Tags"]),
        }
        if inputs.get("pointInTimeRecovery"):
            found = aws.call("dynamodb", "describe_continuous_backups", TableName=resource_id)
            status = found["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"][
                "PointInTimeRecoveryStatus"
            ]
            live["pointInTimeRecovery"] = {"enabled": status == "ENABLED"}
        for replica in inputs.get("replicas") or []:
            _reach(aws, resource_id, replica["regionName"])
        try:
            live |= UNSUPPORTED.get(REPLICAS, f"{aws.region} {resource_id}")
        except NotFound:
            live |= {"replicas": []}
        return {key: value for key, value in live.items() if value is not None}

    def update(self, aws: Aws, resource_id: str, old: Inputs, new: Inputs) -> None:
        self._check_replicas(aws, new)
        arguments: Inputs = {}
        if bool(new.get("deletionProtectionEnabled")) != bool(old.get("deletionProtectionEnabled")):
            arguments["DeletionProtectionEnabled"] = bool(new.get("deletionProtectionEnabled"))
        if new.get("billingMode") != old.get("billingMode"):
            arguments["BillingMode"] = new.get("billingMode", "PROVISIONED")
        if arguments:
            aws.call("dynamodb", "update_table", TableName=resource_id, **arguments)
        self._beside(aws, resource_id, old, new)
        arn = f"arn:aws:dynamodb:{aws.region}:{aws.account}:table/{resource_id}"
        gone = removed_tags({"tags": old.get("tagsAll")}, {"tags": new.get("tagsAll")})
        if gone:
            aws.call("dynamodb", "untag_resource", ResourceArn=arn, TagKeys=gone)
        if new.get("tagsAll"):
            aws.call("dynamodb", "tag_resource", ResourceArn=arn, Tags=tag_list(new["tagsAll"]))

    def delete(self, aws: Aws, resource_id: str, inputs: Inputs) -> None:
        aws.call("dynamodb", "delete_table", TableName=resource_id)
        UNSUPPORTED.remove(REPLICAS, f"{aws.region} {resource_id}")


def _reach(aws: Aws, table: str, region: str) -> None:
    """One request to the replica's region; the stand-in has no table there, so only being answered counts."""
    try:
        aws.call("dynamodb", "describe_table", in_region=region, TableName=table)
    except NotFound:
        return


def _keys(names: list[str | None]) -> list[dict[str, str]]:
    kinds = zip(names, ("HASH", "RANGE"), strict=True)
    return [{"AttributeName": name, "KeyType": kind} for name, kind in kinds if name]


def _index(declared: Inputs, keys: list[str | None]) -> dict[str, Plain]:
    projection: dict[str, Plain] = {"ProjectionType": declared["projectionType"]}
    if declared.get("nonKeyAttributes"):
        projection["NonKeyAttributes"] = declared["nonKeyAttributes"]
    return {"IndexName": declared["name"], "KeySchema": _keys(keys), "Projection": projection}


def _throughput(inputs: Inputs) -> dict[str, int]:
    return {
        "ReadCapacityUnits": inputs.get("readCapacity") or 1,
        "WriteCapacityUnits": inputs.get("writeCapacity") or 1,
    }


def _encryption(inputs: Inputs) -> dict[str, Plain]:
    key = inputs["serverSideEncryption"].get("kmsKeyArn")
    return {"Enabled": True, "SSEType": "KMS", **({"KMSMasterKeyId": key} if key else {})}


HANDLERS: dict[str, Handler] = {"aws:dynamodb/table:Table": Table()}

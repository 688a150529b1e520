"""Requests to the control table, at either of its two replicas.

The table is a DynamoDB global table with multi-Region strong consistency: a strongly consistent read and a condition
see the latest version at any replica, so both are equally good
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html). It allows neither
TTL nor transactions, and two writers at once get ReplicatedWriteConflictException: try again.
"""

import random
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, EndpointConnectionError

from cloud.session import WITHOUT_CREDENTIALS, client, no_credentials
from recovery.errors import Ambiguous, DrError, Refused, Unreachable

_NOT_SENT = (ConnectTimeoutError, EndpointConnectionError)
_CONFLICT = "ReplicatedWriteConflictException"
_CONFLICT_ATTEMPTS = 5
_NOT_EXECUTED = frozenset(
    {
        "ThrottlingException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ResourceNotFoundException",
    }
)
_AVOID_SECONDS = 60.0  # how long a replica that did not answer is asked second


class ConditionFailedError(Exception):
    """The item is not as the request's condition wants it; `item` is what was found, None when there is none.

    `unanswered`: an earlier attempt of the same request got no answer, so the item found may be our own work.
    """

    def __init__(self, item: dict[str, Any] | None, *, unanswered: bool = False) -> None:
        super().__init__("condition failed")
        self.item = item
        self.unanswered = unanswered


def region_clients(regions: Sequence[str], *, attempt_seconds: float) -> dict[str, Any]:
    """A DynamoDB client for each region, SDK retries off, `attempt_seconds` to connect and to read."""
    return {region: client("dynamodb", region, timeout=attempt_seconds, attempts=1) for region in regions}


class ControlTable:
    """One request at a time, first at the replica that answered last, then at the other.

    `clients`: region → DynamoDB client, our own region first, SDK retries off.
    """

    def __init__(self, name: str, clients: Mapping[str, Any]) -> None:
        self.name = name
        self._clients = dict(clients)
        self._avoid: dict[str, float] = {}

    def get(self, key: str) -> dict[str, Any] | None:
        """The item under `key`, strongly consistent; None when there is none. Raises Unreachable."""
        answer = self.call("get_item", {"Key": {"pk": {"S": key}}, "ConsistentRead": True})
        return answer.get("Item")

    def put(self, item: Mapping[str, Any], *, condition: str, **values: Any) -> None:
        """Write a whole item under a condition. Raises ConditionFailedError, Unreachable."""
        self.call("put_item", {"Item": dict(item), "ConditionExpression": condition, **values})

    def put_unless_later(self, item: Mapping[str, Any]) -> None:
        """Write a whole item with a time `at`, unless a later one is there. Raises Unreachable."""
        with suppress(ConditionFailedError):
            self.put(
                item,
                condition="attribute_not_exists(pk) OR #at <= :at",
                ExpressionAttributeNames={"#at": "at"},
                ExpressionAttributeValues={":at": item["at"]},
            )

    def call(self, operation: str, request: Mapping[str, Any], *, repeatable: bool = True) -> dict[str, Any]:
        """Send `request`. What is not `repeatable` is sent on only when it certainly has not been executed.

        Raises ConditionFailedError; Ambiguous when a request that is not repeatable got no answer; Refused when the
        table does not exist; Unreachable when no replica answered.
        """
        problems: list[str] = []
        missing = 0
        for region in self._order():
            try:
                answer = self._ask(region, operation, request)
            except WITHOUT_CREDENTIALS as error:
                raise no_credentials(error) from None  # the other replica would not be asked with any, either
            except _NOT_SENT as error:
                problems.append(f"{region}: {_short(error)}")
            except (BotoCoreError, ClientError) as error:
                code = _code(error)
                if code == "ConditionalCheckFailedException":
                    self._avoid.pop(region, None)
                    raise ConditionFailedError(_found(error), unanswered=bool(problems)) from None
                missing += code == "ResourceNotFoundException"
                problems.append(f"{region}: {_short(error)}")
                if not repeatable and code not in _NOT_EXECUTED:
                    self._avoid[region] = time.monotonic() + _AVOID_SECONDS
                    raise Ambiguous(
                        f"the control table's answer was lost ({problems[-1]})",
                        next_step="run the command again: it reads what became of the request before anything else",
                    ) from None
            else:
                self._avoid.pop(region, None)
                return answer
            self._avoid[region] = time.monotonic() + _AVOID_SECONDS
        raise self._no_answer(problems, missing=missing == len(problems))

    def _order(self) -> list[str]:
        now = time.monotonic()
        return sorted(self._clients, key=lambda region: self._avoid.get(region, 0.0) > now)

    def _ask(self, region: str, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """One attempt at one region; write conflicts are tried again there."""
        arguments = {"TableName": self.name, **request}
        if "ConditionExpression" in arguments:
            arguments["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        for left in reversed(range(_CONFLICT_ATTEMPTS)):
            try:
                return getattr(self._clients[region], operation)(**arguments)
            except ClientError as error:
                if _code(error) != _CONFLICT or not left:
                    raise
            time.sleep(random.uniform(0.005, 0.03))  # noqa: S311  jitter, no secret
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _no_answer(self, problems: Sequence[str], *, missing: bool) -> DrError:
        listing = "; ".join(problems)
        if missing:
            return Refused(
                f"there is no control table {self.name} ({listing})",
                next_step="bring up the foundation stack first: `pulumi up --stack foundation`",
            )
        return Unreachable(
            f"the control table {self.name} did not answer: {listing}",
            next_step="check the credentials of this process and the network path to DynamoDB in both regions",
        )


def _code(error: Exception) -> str:
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def _found(error: Exception) -> dict[str, Any] | None:
    return error.response.get("Item") if isinstance(error, ClientError) else None  # type: ignore[return-value]


def _short(error: Exception) -> str:
    if isinstance(error, ClientError):
        details = error.response.get("Error", {})
        return f"{details.get('Code', 'error')}: {details.get('Message', '')}".rstrip(": ")
    return str(error).splitlines()[0].rstrip(".")

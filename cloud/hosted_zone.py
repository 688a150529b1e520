"""One hosted zone of Route 53. Its API is answered from us-east-1 alone, so nothing of a failover comes here."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cloud.s3_errors import code_of
from cloud.session import client
from recovery.errors import Ambiguous, DrError, Refused, Unreachable

_REGION = "us-east-1"
_DENIED = {"AccessDenied", "AccessDeniedException", "InvalidClientTokenId", "SignatureDoesNotMatch", "ExpiredToken"}
_LATER = {"PriorRequestNotComplete", "Throttling", "ThrottlingException", "ServiceUnavailable", "InternalFailure"}
_RECORDS_A_PAGE = "100"


class Route53Zone:
    """HostedZone. A change is tried once: a second try of one that was made would be refused."""

    def __init__(self, zone_id: str) -> None:
        self.zone_id = zone_id
        self._client = client("route53", _REGION, attempts=1)

    def name(self) -> str:
        """Without the final dot. Raises Refused, Unreachable."""
        return str(self._ask("get_hosted_zone", Id=self.zone_id)["HostedZone"]["Name"]).rstrip(".").lower()

    def records(self, name: str) -> list[Mapping[str, Any]]:
        """Every record of `name`, of all types and identifiers. Raises Refused, Unreachable."""
        start: dict[str, str] = {"StartRecordName": name}
        found: list[Mapping[str, Any]] = []
        while True:
            page = self._ask("list_resource_record_sets", HostedZoneId=self.zone_id, MaxItems=_RECORDS_A_PAGE, **start)
            here = [each for each in page["ResourceRecordSets"] if _plain(each["Name"]) == _plain(name)]
            found += here
            # Sorted by name: the first that is another's ends the search.
            if not page.get("IsTruncated") or len(here) < len(page["ResourceRecordSets"]):
                return found
            keys = {"NextRecordName": "StartRecordName", "NextRecordType": "StartRecordType"}
            start = {ours: page[theirs] for theirs, ours in keys.items() if page.get(theirs)}
            if page.get("NextRecordIdentifier"):
                start["StartRecordIdentifier"] = page["NextRecordIdentifier"]

    def change(self, batch: Mapping[str, Any]) -> str:
        """Make all of the batch or nothing; returns the change's id. Raises Refused, Ambiguous when no answer came."""
        try:
            answer = self._client.change_resource_record_sets(HostedZoneId=self.zone_id, ChangeBatch=batch)
        except ClientError as error:
            raise self._refusal("change_resource_record_sets", error) from None
        except BotoCoreError as error:
            raise Ambiguous(
                f"Route 53's answer to the change was lost ({error}); it may have been made",
                next_step="run the same command without --execute: it reads what stands there now",
            ) from None
        return str(answer["ChangeInfo"]["Id"])

    def in_sync(self, change: str) -> bool:
        """Whether all of Route 53's name servers answer by the change. Raises Refused, Unreachable."""
        return self._ask("get_change", Id=change)["ChangeInfo"]["Status"] == "INSYNC"

    def _ask(self, operation: str, **arguments: str) -> dict[str, Any]:
        try:
            return getattr(self._client, operation)(**arguments)
        except ClientError as error:
            raise self._refusal(operation, error) from None
        except BotoCoreError as error:
            raise Unreachable(
                f"Route 53 did not answer {operation}: {error}",
                next_step="check the path to route53.amazonaws.com; its API is in us-east-1 alone",
            ) from None

    def _refusal(self, operation: str, error: ClientError) -> DrError:
        code, said = code_of(error), error.response.get("Error", {}).get("Message", "")
        if code == "NoSuchHostedZone":
            return Refused(
                f"there is no hosted zone {self.zone_id} in this account",
                next_step="compare zoneId of the foundation stack with `aws route53 list-hosted-zones`",
            )
        if code in _DENIED:
            return Refused(
                f"Route 53 does not allow these credentials {operation} in zone {self.zone_id} ({code}: {said})",
                next_step="taking over the name is for a person who administers the zone; no role of ours may change "
                "records (docs/runbooks/public-name.md)",
            )
        if code in _LATER:
            return Unreachable(f"Route 53 put off {operation} ({code}: {said})", next_step="run the command again")
        return Refused(
            f"Route 53 refused {operation} and changed nothing ({code}: {said})",
            next_step="run the same command without --execute: it reads what stands there now",
        )


def _plain(name: str) -> str:
    return name.rstrip(".").lower()

"""The stand-in refuses a batch as Route 53 does, whole: what it let through before would have failed there."""

from collections.abc import Iterator
from typing import Any

import botocore.exceptions
import pytest

from lab.aws.site import Aws
from tests.support.clients import client, unique

Change = tuple[str, dict[str, Any]]


def record(
    name: str = "shop", kind: str = "CNAME", *, ttl: int = 60, value: str = "edge.example.net", **more: Any
) -> Any:
    full = f"{name}.shop.test." if name else "shop.test."
    return {"Name": full, "Type": kind, "TTL": ttl, "ResourceRecords": [{"Value": value}], **more}


def pair(**more: Any) -> list[Change]:
    roles = {"prod": "PRIMARY", "dr": "SECONDARY"}
    return [("CREATE", record(SetIdentifier=site, Failover=role, **more)) for site, role in roles.items()]


class Zone:
    """A hosted zone of its own for one test."""

    def __init__(self, aws: Aws) -> None:
        self.route53 = client(aws, "route53", "operator")
        made = self.route53.create_hosted_zone(Name="shop.test", CallerReference=unique("zone"))
        self.id = made["HostedZone"]["Id"]

    def change(self, *changes: Change) -> None:
        batch = {"Changes": [{"Action": action, "ResourceRecordSet": of} for action, of in changes]}
        self.route53.change_resource_record_sets(HostedZoneId=self.id, ChangeBatch=batch)

    def refusal(self, *changes: Change) -> str:
        """What is said of a batch that must not be made; nothing of it may be."""
        before = self.records()
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            self.change(*changes)
        said = caught.value.response.get("Error", {})
        assert said.get("Code") == "InvalidChangeBatch"
        assert self.records() == before
        return said.get("Message", "")

    def records(self) -> list[dict[str, Any]]:
        found = self.route53.list_resource_record_sets(HostedZoneId=self.id)["ResourceRecordSets"]
        return [each for each in found if each["Type"] not in ("NS", "SOA")]


@pytest.fixture
def zone(aws: Aws) -> Iterator[Zone]:
    made = Zone(aws)
    yield made
    for each in made.records():
        made.change(("DELETE", each))
    made.route53.delete_hosted_zone(Id=made.id)


@pytest.mark.parametrize(
    ("there", "said"),
    [
        (record(), "cannot be created as other RRSets exist with the same name and type"),
        (record(kind="A", value="192.0.2.1"), "conflicts with other records with the same DNS name"),
    ],
    ids=["a simple one", "an address"],
)
def test_a_failover_pair_cannot_be_made_beside_the_record_in_use(zone: Zone, there: dict[str, Any], said: str) -> None:
    zone.change(("CREATE", there))
    assert said in zone.refusal(*pair())
    zone.change(("DELETE", there), *pair())
    assert [each["SetIdentifier"] for each in zone.records()] == ["prod", "dr"]


def test_no_cname_stands_at_the_zone_s_own_name(zone: Zone) -> None:
    assert "not permitted at apex in zone shop.test." in zone.refusal(("CREATE", record("")))


def test_a_delete_names_every_value_and_takes_no_other_name_s_record(zone: Zone) -> None:
    zone.change(("CREATE", record()), *(("CREATE", {**each, "Name": "other.shop.test."}) for _, each in pair()))
    assert "do not match the current values" in zone.refusal(("DELETE", record(ttl=61)))
    assert "was not found" in zone.refusal(("DELETE", record("none")))
    zone.change(("DELETE", record()), *pair())
    zone.change(*(("DELETE", each) for _, each in pair()))
    assert {each["Name"] for each in zone.records()} == {"other.shop.test."}


def test_a_batch_of_which_one_change_is_refused_changes_nothing(zone: Zone) -> None:
    zone.change(("CREATE", record("a")))
    assert "already exists" in zone.refusal(("CREATE", record("b")), ("CREATE", record("a")))


def test_an_alias_is_deleted_by_its_target(zone: Zone) -> None:
    target = {"HostedZoneId": "Z35SXDOTRQ7X7K", "DNSName": "lb.example.net.", "EvaluateTargetHealth": False}
    alias = {"Name": "shop.shop.test.", "Type": "A", "AliasTarget": target}
    zone.change(("CREATE", alias))
    (found,) = zone.records()
    assert "do not match" in zone.refusal(
        ("DELETE", {**found, "AliasTarget": {**target, "DNSName": "lc.example.net."}})
    )
    zone.change(("DELETE", found), *pair())

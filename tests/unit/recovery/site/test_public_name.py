"""What may be taken over, and what the one batch says."""

from typing import Any

import pytest

from recovery.errors import Refused
from recovery.site.public_name import PublicName, is_pair, take_over

WANTED = PublicName(
    name="api.ultramarket.com",
    zone="ultramarket.com",
    ttl=10,
    edges={"prod": "edge-prod.ultramarket.com", "dr": "edge-dr.ultramarket.com"},
)
SIMPLE: dict[str, Any] = {
    "Name": "api.ultramarket.com.",
    "Type": "CNAME",
    "TTL": 300,
    "ResourceRecords": [{"Value": "lb-prod.us-east-1.elb.amazonaws.com"}],
}
TARGET = {
    "HostedZoneId": "Z35SXDOTRQ7X7K",
    "DNSName": "lb-prod.us-east-1.elb.amazonaws.com.",
    "EvaluateTargetHealth": True,
}
ALIAS: dict[str, Any] = {"Name": "api.ultramarket.com.", "Type": "A", "AliasTarget": TARGET}


def refusal(*found: dict[str, Any]) -> Refused:
    with pytest.raises(Refused) as caught:
        take_over(WANTED, found)
    assert caught.value.next_step
    return caught.value


def test_the_batch_deletes_the_old_record_as_it_was_read_and_creates_the_pair() -> None:
    assert take_over(WANTED, [SIMPLE]).batch()["Changes"] == [
        {"Action": "DELETE", "ResourceRecordSet": SIMPLE},
        {
            "Action": "CREATE",
            "ResourceRecordSet": {
                "Name": "api.ultramarket.com.",
                "Type": "CNAME",
                "SetIdentifier": "prod",
                "Failover": "PRIMARY",
                "TTL": 10,
                "ResourceRecords": [{"Value": "edge-prod.ultramarket.com"}],
            },
        },
        {
            "Action": "CREATE",
            "ResourceRecordSet": {
                "Name": "api.ultramarket.com.",
                "Type": "CNAME",
                "SetIdentifier": "dr",
                "Failover": "SECONDARY",
                "TTL": 10,
                "ResourceRecords": [{"Value": "edge-dr.ultramarket.com"}],
            },
        },
    ]


def test_an_alias_with_its_ipv6_twin_goes_as_a_whole() -> None:
    twin = {**ALIAS, "Type": "AAAA"}
    takeover = take_over(WANTED, [ALIAS, twin])
    assert [each["ResourceRecordSet"] for each in takeover.batch()["Changes"][:2]] == [ALIAS, twin]
    assert takeover.leads_to() == ["lb-prod.us-east-1.elb.amazonaws.com"] * 2


def test_an_adopted_name_is_said_to_be_adopted_also_when_it_is_armed_by_now() -> None:
    pair = WANTED.pair()
    assert "already adopted" in refusal(*pair).what
    assert "already adopted" in refusal({**pair[0], "HealthCheckId": "abc"}, pair[1]).what


def test_another_failover_pair_is_left_alone() -> None:
    pair = WANTED.pair()
    pair[0]["ResourceRecords"] = [{"Value": "elsewhere.example"}]
    assert not is_pair(WANTED, pair)
    assert "another than foundation declares: prod → elsewhere.example" in refusal(*pair).what


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({**SIMPLE, "SetIdentifier": "blue", "Weight": 10}, "no simple one (SetIdentifier, Weight)"),
        ({**SIMPLE, "SetIdentifier": "eu", "Region": "eu-west-1"}, "no simple one (Region, SetIdentifier)"),
        ({**SIMPLE, "TrafficPolicyInstanceId": "x"}, "no simple one (TrafficPolicyInstanceId)"),
        ({"Name": "api.ultramarket.com.", "Type": "A"}, "without its values"),
        ({**ALIAS, "AliasTarget": {"DNSName": "lb.example."}}, "without its values"),
        ({**SIMPLE, "Type": "TXT"}, "a record of type TXT, and beside a CNAME no other record may stand"),
    ],
)
def test_what_a_delete_and_the_pair_cannot_stand_for_is_refused(record: dict[str, Any], said: str) -> None:
    assert said in refusal(record).what
    assert said in refusal({**ALIAS, "Type": "AAAA"}, record).what


def test_a_free_name_needs_no_taking_over() -> None:
    assert "`pulumi up --stack foundation`" in refusal().next_step

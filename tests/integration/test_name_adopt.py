"""`dr name adopt` as a person who administers the zone runs it, against what Route 53 allows and refuses."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dns.message
import dns.query
import pytest

from lab.aws.site import Aws, start_dns
from lab.machine.addresses import DNS_PORT
from lab.machine.processes import HUNG_SECONDS
from operations.public_name import Adoption
from recovery.errors import Ambiguous, Refused
from recovery.site.public_name import PublicName
from tests.support.clients import client
from tests.support.command_line import DR, environment
from tests.support.plans import ROOT

NAME, PROD_EDGE, DR_EDGE = "api.ultramarket.com", "edge-prod.ultramarket.com", "edge-dr.ultramarket.com"
LIVE = {"Name": f"{NAME}.", "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": PROD_EDGE}]}


@dataclass
class Zone:
    """The hosted zone with the live name in it, and the commands of whoever administers it."""

    aws: Aws
    id: str
    stack_file: Path

    @property
    def route53(self) -> Any:
        return client(self.aws, "route53", "operator")

    def change(self, action: str, record: dict[str, Any]) -> None:
        changes = [{"Action": action, "ResourceRecordSet": record}]
        self.route53.change_resource_record_sets(HostedZoneId=self.id, ChangeBatch={"Changes": changes})

    def records(self) -> list[dict[str, Any]]:
        listed = self.route53.list_resource_record_sets(HostedZoneId=self.id)["ResourceRecordSets"]
        return [each for each in listed if each["Name"] == f"{NAME}."]

    def adopt(self, *options: str) -> subprocess.CompletedProcess[str]:
        resolver = f"{self.aws.block.dns}:{DNS_PORT}"
        return subprocess.run(
            [DR, "name", "adopt", "--stack-file", str(self.stack_file), "--resolver", resolver, *options],
            cwd=ROOT, env={**environment(), **self.aws.env("operator")}, capture_output=True, text=True,
            timeout=HUNG_SECONDS, check=False,
        )  # fmt: skip

    def answer(self) -> str:
        query = dns.message.make_query(NAME, "A")
        reply = dns.query.udp(query, self.aws.block.dns, port=DNS_PORT, timeout=10)
        return reply.answer[-1].to_text().split()[-1] if reply.answer else reply.rcode().name


@pytest.fixture
def zone(aws: Aws, tmp_path: Path) -> Iterator[Zone]:
    """api.ultramarket.com leads to production's edge, as it does before any of ours."""
    route53 = client(aws, "route53", "operator")
    made = route53.create_hosted_zone(Name="ultramarket.com", CallerReference=tmp_path.name)["HostedZone"]["Id"]
    found = Zone(aws, made.rpartition("/")[2], tmp_path / "Pulumi.foundation.yaml")
    values = {"account": "123456789012", "zoneId": found.id, "prodEdge": PROD_EDGE, "drEdge": DR_EDGE}
    found.stack_file.write_text(json.dumps({"config": {f"ultramarket-dr:{key}": each for key, each in values.items()}}))
    found.change("CREATE", LIVE)
    start_dns(aws, {PROD_EDGE: aws.block.prod.edge, DR_EDGE: aws.block.dr.edge})
    yield found
    aws.supervisor.stop("route53")
    for record in found.records():
        found.change("DELETE", record)
    route53.delete_hosted_zone(Id=found.id)


def test_without_execute_the_batch_is_printed_and_nothing_changes(zone: Zone) -> None:
    done = zone.adopt()
    assert (done.returncode, zone.records()) == (0, [LIVE])
    batch = json.loads(done.stdout[done.stdout.index("{") :])
    assert [each["Action"] for each in batch["Changes"]] == ["DELETE", "CREATE", "CREATE"]
    assert f"{PROD_EDGE} ({zone.aws.block.prod.edge})" in done.stdout
    assert "pulumi config set ultramarket-dr:nameAdopted true --stack foundation" in done.stderr


def test_with_execute_the_pair_stands_and_the_name_answers_as_before(zone: Zone) -> None:
    before = zone.answer()
    assert zone.adopt("--execute").returncode == 0
    roles = {each["SetIdentifier"]: each["Failover"] for each in zone.records()}
    assert roles == {"prod": "PRIMARY", "dr": "SECONDARY"}
    assert zone.answer() == before == zone.aws.block.prod.edge
    again = zone.adopt("--execute")
    assert (again.returncode, "already adopted" in again.stderr) == (2, True)


def test_production_s_edge_has_to_lead_somewhere_before_customers_are_sent_there(zone: Zone) -> None:
    zone.stack_file.write_text(zone.stack_file.read_text().replace(PROD_EDGE, "edge-of-nobody.ultramarket.com"))
    done = zone.adopt("--execute")
    assert (done.returncode, zone.records()) == (2, [LIVE])
    assert "edge-of-nobody.ultramarket.com leads nowhere, and customers would be sent there" in done.stderr


def test_a_zone_that_is_not_the_plan_s_and_a_file_that_is_none_are_refused(zone: Zone, tmp_path: Path) -> None:
    zone.stack_file.write_text(zone.stack_file.read_text().replace(zone.id, "Z0000000000000"))
    assert "there is no hosted zone Z0000000000000 in this account" in zone.adopt().stderr
    zone.stack_file.write_text("config: {ultramarket-dr:zoneId: 7}\n")
    done = zone.adopt()
    assert (done.returncode, "missing or wrong: ultramarket-dr:zoneId" in done.stderr) == (2, True)
    assert "--stack-file" in zone.adopt("--stack-file", str(tmp_path / "none.yaml")).stderr


class Meddled:
    """HostedZone: somebody else changes the record, or the answer is lost, at the last moment."""

    def __init__(
        self, found: list[Mapping[str, Any]], then: list[Mapping[str, Any]], error: Exception | None = None
    ) -> None:
        self.answers, self.error, self.batches = [found, then, then], error, 0

    def name(self) -> str:
        return "ultramarket.com"

    def records(self, name: str) -> list[Mapping[str, Any]]:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def change(self, batch: object) -> str:
        self.batches += 1
        if self.error:
            raise self.error
        return "c"

    def in_sync(self, change: str) -> bool:
        return True


WANTED = PublicName(name=NAME, zone="ultramarket.com", ttl=10, edges={"prod": PROD_EDGE, "dr": DR_EDGE})


def execute(zone: Meddled) -> None:
    adoption = Adoption(zone=zone, wanted=WANTED, address_of=lambda name: "192.0.2.1")
    adoption.execute(adoption.look(), sleep=lambda _: None)


def test_a_record_that_changed_since_it_was_shown_is_left_alone() -> None:
    meddled = Meddled([LIVE], [{**LIVE, "TTL": 61}])
    with pytest.raises(Refused, match="has changed since it was shown"):
        execute(meddled)
    assert meddled.batches == 0


def test_a_lost_answer_is_settled_by_reading_what_stands_there() -> None:
    lost = Ambiguous("the answer was lost")
    meddled = Meddled([LIVE], [LIVE], lost)
    with pytest.raises(Ambiguous):
        execute(meddled)
    made = Meddled([LIVE], [LIVE], lost)
    made.answers = [[LIVE], [LIVE], [*WANTED.pair()]]
    execute(made)
    assert (meddled.batches, made.batches) == (1, 1)

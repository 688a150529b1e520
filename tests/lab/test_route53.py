"""The DNS server decides as Route 53 does."""

from collections.abc import Iterator
from typing import Any

import dns.exception
import dns.message
import dns.query
import dns.rcode
import pytest

from lab.aws.site import Aws, check_states, start_dns
from lab.machine.addresses import DNS_PORT
from lab.machine.processes import wait_until
from lab.route53.health import CheckConfig, HealthCheck, Opinion
from lab.route53.records import Data, Record, answer
from tests.support.clients import client, make_bucket, unique

PRIMARY = Record("shop.example.com", "CNAME", 5, ("prod.edge.example.net",), "PRIMARY", "marker")
SECONDARY = Record("shop.example.com", "CNAME", 5, ("dr.edge.example.net",), "SECONDARY")
STATIC = {"prod.edge.example.net": "127.0.0.21", "dr.edge.example.net": "127.0.0.22"}
INVERTED = CheckConfig("marker", "HTTPS_STR_MATCH", "b.s3.us-west-2.amazonaws.com", 443, "/m", "x", 10, 3, True, False)


def chosen(*records: Record, unhealthy: set[str]) -> str:
    found = answer(Data(("example.com",), records, STATIC), "SHOP.example.com.", "A", lambda c: c not in unhealthy)[1]
    return found[-1].values[0]


def test_primary_answers_while_its_check_is_healthy_and_secondary_when_not() -> None:
    assert chosen(SECONDARY, PRIMARY, unhealthy=set()) == "127.0.0.21"
    assert chosen(SECONDARY, PRIMARY, unhealthy={"marker"}) == "127.0.0.22"


def test_primary_answers_when_the_secondarys_own_check_is_unhealthy_as_well() -> None:
    checked = Record("shop.example.com", "CNAME", 5, ("dr.edge.example.net",), "SECONDARY", "dr")
    assert chosen(PRIMARY, checked, unhealthy={"marker", "dr"}) == "127.0.0.21"


def test_a_record_without_a_check_is_healthy() -> None:
    bare = Record("shop.example.com", "CNAME", 5, ("prod.edge.example.net",), "PRIMARY")
    checked = Record("shop.example.com", "CNAME", 5, ("dr.edge.example.net",), "SECONDARY", "dr")
    assert chosen(bare, checked, unhealthy={"marker"}) == "127.0.0.21"


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("none.example.com", "A", ("NXDOMAIN", 0)),
        ("shop.example.com", "AAAA", ("NOERROR", 1)),
        ("prod.edge.example.net", "A", ("NOERROR", 1)),
        ("elsewhere.org", "A", ("REFUSED", 0)),
    ],
)
def test_missing_names_missing_types_and_foreign_zones_are_told_apart(
    name: str, kind: str, expected: tuple[str, int]
) -> None:
    code, found = answer(Data(("example.com",), (PRIMARY, SECONDARY), STATIC), name, kind, lambda _: True)
    assert (code, len(found)) == expected


def test_an_inverted_check_is_unhealthy_until_it_has_data() -> None:
    check = HealthCheck(INVERTED)
    assert (check.has_data, check.healthy) == (False, False)
    check.opinions[0].observe(False, 3)
    assert (check.has_data, check.healthy) == (True, True)


def test_a_plain_check_is_healthy_until_it_has_data() -> None:
    plain = HealthCheck(CheckConfig("c", "HTTP", "h", 80, "/", "", 10, 3, False, False))
    assert plain.healthy
    plain.opinions[0].observe(False, 3)
    assert not plain.healthy


def test_a_checker_changes_its_mind_after_threshold_results_in_a_row() -> None:
    opinion = Opinion()
    seen: list[bool | None] = []
    for passed in (True, False, False, True, False, False, False):
        opinion.observe(passed, 3)
        seen.append(opinion.healthy)
    assert seen == [True, True, True, True, True, True, False]


def test_one_checker_in_three_is_more_than_18_percent() -> None:
    check = HealthCheck(INVERTED)
    for number, passed in enumerate((True, False, False)):
        check.opinions[number].observe(passed, 1)
    assert not check.healthy  # the endpoint is healthy, so the inverted check is not


@pytest.fixture(scope="module")
def dns_server(session_aws: Aws) -> Iterator[Aws]:
    start_dns(session_aws, STATIC)
    yield session_aws
    session_aws.supervisor.stop("route53")


def ask(aws: Aws, name: str, kind: str = "A", *, tcp: bool = False) -> dns.message.Message:
    query = dns.message.make_query(name, kind)
    send = dns.query.tcp if tcp else dns.query.udp
    return send(query, aws.block.dns, port=DNS_PORT, timeout=10)


def lines(message: dns.message.Message) -> list[str]:
    return [line for group in message.answer for line in group.to_text().splitlines()]


def declare_check(route53: Any, bucket: str, region: str, threshold: int = 1) -> str:
    """The marker's inverted check, as FailoverRecord declares it; returns its id."""
    config = {
        "Type": "HTTPS_STR_MATCH",
        "FullyQualifiedDomainName": f"{bucket}.s3.{region}.amazonaws.com",
        "Port": 443,
        "ResourcePath": "/failover/marker",
        "SearchString": "site=dr",
        "RequestInterval": 10,
        "FailureThreshold": threshold,
        "Inverted": True,
        "EnableSNI": True,
    }
    return route53.create_health_check(CallerReference=unique("check"), HealthCheckConfig=config)["HealthCheck"]["Id"]


def declare_pair(route53: Any, zone: str, name: str, check: str) -> None:
    changes = []
    for role, target, extra in (("PRIMARY", "prod", {"HealthCheckId": check}), ("SECONDARY", "dr", {})):
        record = {"Name": name, "Type": "CNAME", "TTL": 5, "SetIdentifier": target, "Failover": role, **extra}
        record["ResourceRecords"] = [{"Value": f"{target}.edge.example.net"}]
        changes.append({"Action": "UPSERT", "ResourceRecordSet": record})
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})


def test_the_marker_moves_the_name_to_dr_without_any_control_plane(aws: Aws, dns_server: Aws) -> None:
    s3 = client(aws, "s3", "dr", "us-west-2")
    route53 = client(aws, "route53", "operator")
    bucket = make_bucket(s3, "marker", "us-west-2")
    domain = f"{unique('zone')}.com"
    zone = route53.create_hosted_zone(Name=domain, CallerReference=domain)["HostedZone"]["Id"]
    check = declare_check(route53, bucket, "us-west-2")
    declare_pair(route53, zone, f"shop.{domain}", check)

    def state() -> tuple[object, object]:
        known = check_states(aws).get(check, {})
        return known.get("has_data"), known.get("healthy")

    def address() -> str:
        return lines(ask(aws, f"shop.{domain}"))[-1].split()[-1]

    wait_until(lambda: state() == (True, True), what="the check's data")
    wait_until(lambda: address() == "127.0.0.21", what="PRIMARY's answer")
    assert lines(ask(aws, f"shop.{domain}", tcp=True)) == [
        f"shop.{domain}. 5 IN CNAME prod.edge.example.net.",
        "prod.edge.example.net. 60 IN A 127.0.0.21",
    ]
    # The control plane's loss changes nothing: answers and checks are the data plane.
    aws.reach.region_gone("us-east-1")
    policy = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject",'
    s3.put_bucket_policy(Bucket=bucket, Policy=policy + f'"Resource":"arn:aws:s3:::{bucket}/*"}}]}}')
    s3.put_object(Bucket=bucket, Key="failover/marker", Body=b"epoch=2 site=dr\n")
    wait_until(lambda: address() == "127.0.0.22", what="SECONDARY's answer")
    wait_until(lambda: state() == (True, False), what="the status file")


def test_fields_of_records_and_checks_survive_the_stand_in(aws: Aws) -> None:
    route53 = client(aws, "route53", "operator")
    domain = f"{unique('zone')}.com"
    zone = route53.create_hosted_zone(Name=domain, CallerReference=domain)["HostedZone"]["Id"]
    check = declare_check(route53, "bucket", "us-west-2", threshold=3)
    declare_pair(route53, zone, f"shop.{domain}", check)
    entry = route53.get_health_check(HealthCheckId=check)["HealthCheck"]
    config = CheckConfig.parse(entry)
    assert (config.search_string, config.inverted, config.interval, config.threshold) == ("site=dr", True, 10, 3)
    listed = route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    pair = [record for entry in listed if (record := Record.parse(entry)) and record.type == "CNAME"]
    assert sorted((r.failover, r.health_check, r.ttl) for r in pair if r.failover == "PRIMARY") == [
        ("PRIMARY", check, 5)
    ]
    assert [r.health_check for r in pair if r.failover == "SECONDARY"] == [None]
    route53.delete_health_check(HealthCheckId=check)


def test_names_that_do_not_exist_are_nxdomain_with_the_zones_soa(aws: Aws, dns_server: Aws) -> None:
    route53 = client(aws, "route53", "operator")
    domain = f"{unique('zone')}.com"
    route53.create_hosted_zone(Name=domain, CallerReference=domain)
    wait_until(lambda: bool(lines(ask(aws, domain, "SOA"))), what="the zone")
    missing = ask(aws, f"none.{domain}")
    assert missing.rcode() == dns.rcode.NXDOMAIN
    assert missing.authority[0].to_text().split()[3] == "SOA"
    assert ask(aws, "elsewhere.org").rcode() == dns.rcode.REFUSED

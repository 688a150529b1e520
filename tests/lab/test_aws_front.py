"""What a place sees of AWS, and what it no longer sees when a region or a path to it is lost."""

import io
import json
import os
import time
import urllib.error
import urllib.request
from dataclasses import replace

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError, ReadTimeoutError

from lab.aws.rules import Cut, Rules
from lab.aws.site import Aws
from tests.support.clients import client, make_bucket, unique

LOST = (ConnectionClosedError, EndpointConnectionError)
KEY = {"id": {"S": "lease"}}


@pytest.fixture
def table(aws: Aws) -> str:
    """A control table with the lease at epoch 1, held by prod; written at production's replica."""
    name = unique("control")
    dynamodb = client(aws, "dynamodb", "prod")
    dynamodb.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.put_item(TableName=name, Item={**KEY, "site": {"S": "prod"}, "epoch": {"N": "1"}})
    return name


def take_over(dynamodb: object, table: str, seen: int) -> None:
    """The conditional update that moves the lease to dr."""
    dynamodb.update_item(  # type: ignore[attr-defined]
        TableName=table,
        Key=KEY,
        UpdateExpression="SET site = :dr, epoch = :next",
        ConditionExpression="epoch = :seen",
        ExpressionAttributeValues={":dr": {"S": "dr"}, ":seen": {"N": str(seen)}, ":next": {"N": str(seen + 1)}},
    )


def fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - always http to a front
        return answer.read()


def epoch(aws: Aws, place: str, table: str, region: str | None = None) -> str:
    answer = client(aws, "dynamodb", place, region).get_item(TableName=table, Key=KEY, ConsistentRead=True)
    return answer["Item"]["epoch"]["N"]


def test_lease_written_from_one_site_is_read_and_taken_over_at_the_other(aws: Aws, table: str) -> None:
    assert epoch(aws, "dr", table, "us-west-2") == "1"
    take_over(client(aws, "dynamodb", "dr", "us-west-2"), table, seen=1)
    assert epoch(aws, "prod", table, "us-east-1") == "2"
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        take_over(client(aws, "dynamodb", "prod", "us-east-1"), table, seen=1)


def test_a_witness_region_answers_no_data_requests(aws: Aws, table: str) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        epoch(aws, "witness", table, "us-east-2")


def test_a_lost_region_refuses_every_place_and_each_attempt_is_recorded(aws: Aws, table: str) -> None:
    began = time.time()
    aws.reach.region_gone("us-east-1")
    for place in ("dr", "operator"):
        with pytest.raises(LOST):
            epoch(aws, place, table, "us-east-1")
    assert epoch(aws, "dr", table, "us-west-2") == "1"
    seen = [(a.place, a.region, a.service, a.operation) for a in aws.reach.attempts(since=began)]
    assert seen == [(place, "us-east-1", "dynamodb", "GetItem") for place in ("dr", "operator")]
    aws.reach.region_back("us-east-1")
    assert epoch(aws, "prod", table, "us-east-1") == "1"


@pytest.mark.parametrize("service", ["route53", "iam"])
def test_global_control_planes_are_lost_with_us_east_1_whatever_region_signs(aws: Aws, service: str) -> None:
    west = client(aws, service, "dr", "us-west-2")
    ask = west.list_hosted_zones if service == "route53" else west.list_roles
    ask()
    aws.reach.region_gone("us-east-1")
    with pytest.raises(LOST):
        ask()


def test_a_cut_holds_for_one_place_only(aws: Aws, table: str) -> None:
    aws.reach.cut("prod", "*")
    with pytest.raises(LOST):
        epoch(aws, "prod", table, "us-west-2")
    assert epoch(aws, "dr", table, "us-east-1") == "1"
    aws.reach.restore("prod", "*")
    assert epoch(aws, "prod", table) == "1"


def test_one_dynamodb_endpoint_down_leaves_s3_and_the_other_replica(aws: Aws, table: str) -> None:
    aws.reach.cut("*", "us-east-1", service="dynamodb")
    with pytest.raises(LOST):
        epoch(aws, "prod", table, "us-east-1")
    assert epoch(aws, "prod", table, "us-west-2") == "1"
    client(aws, "s3", "prod", "us-east-1").list_buckets()


def test_a_blackhole_holds_the_connection_until_the_client_gives_up(aws: Aws) -> None:
    aws.reach.cut("dr", "us-east-1", how="blackhole")
    began = time.monotonic()
    with pytest.raises(ReadTimeoutError):
        client(aws, "dynamodb", "dr", "us-east-1", read_timeout=0.5).list_tables()
    assert time.monotonic() - began >= 0.5


def test_a_takeover_whose_answer_is_lost_has_happened_once(aws: Aws, table: str) -> None:
    before = len(aws.reach.dropped())
    aws.reach.drop_next_answer("dynamodb", "UpdateItem")
    west = client(aws, "dynamodb", "dr")
    with pytest.raises(LOST):
        take_over(west, table, seen=1)
    assert epoch(aws, "dr", table) == "2"
    take_over(west, table, seen=2)
    assert [entry.operation for entry in aws.reach.dropped()[before:]] == ["UpdateItem"]


def test_a_bucket_is_answered_by_its_own_region_only(aws: Aws) -> None:
    west = client(aws, "s3", "dr", "us-west-2")
    bucket = make_bucket(west, "elsewhere", "us-west-2")
    west.put_object(Bucket=bucket, Key="k", Body=b"1")
    east = client(aws, "s3", "prod", "us-east-1")
    assert east.get_object(Bucket=bucket, Key="k")["Body"].read() == b"1"  # botocore follows S3's redirect
    aws.reach.region_gone("us-west-2")
    with pytest.raises((*LOST, ClientError)):
        client(aws, "s3", "prod", "us-east-1").get_object(Bucket=bucket, Key="k")


def test_anonymous_and_presigned_reads_are_judged_by_the_buckets_region(aws: Aws) -> None:
    west = client(aws, "s3", "dr", "us-west-2")
    bucket = make_bucket(west, "marker", "us-west-2")
    west.put_object(Bucket=bucket, Key="canary", Body=b"ok", ACL="public-read")
    presigned = west.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "canary"})
    anonymous = f"{aws.endpoint('checkers')}/{bucket}/canary"
    began = time.time()
    for url in (anonymous, presigned):
        assert fetch(url) == b"ok"
    aws.reach.region_gone("us-west-2")
    for url in (anonymous, presigned):
        with pytest.raises((urllib.error.URLError, ConnectionError)):
            fetch(url)
    assert {a.region for a in aws.reach.attempts(since=began)} == {"us-west-2"}


def test_large_objects_stream_through_unchanged_in_parts_and_chunks(aws: Aws) -> None:
    s3 = client(aws, "s3", "prod", "us-east-1")
    bucket = make_bucket(s3, "large", "us-east-1")
    content = os.urandom(20 * 1024 * 1024)
    s3.upload_fileobj(io.BytesIO(content), bucket, "multipart")
    assert s3.get_object(Bucket=bucket, Key="multipart")["Body"].read() == content
    part = s3.get_object(Bucket=bucket, Key="multipart", Range="bytes=5-14")
    assert (part["Body"].read(), part["ResponseMetadata"]["HTTPStatusCode"]) == (content[5:15], 206)
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket=bucket, Key="multipart", Body=b"again", IfNoneMatch="*")
    assert s3.head_object(Bucket=bucket, Key="multipart")["ContentLength"] == len(content)


def test_a_region_lost_under_way_breaks_the_transfer(aws: Aws) -> None:
    s3 = client(aws, "s3", "prod", "us-east-1")
    bucket = make_bucket(s3, "torn", "us-east-1")
    s3.put_object(Bucket=bucket, Key="k", Body=os.urandom(32 * 1024 * 1024))
    body = s3.get_object(Bucket=bucket, Key="k")["Body"]
    body.read(1024)
    aws.reach.region_gone("us-east-1")
    with pytest.raises(Exception, match=r"(?i)broken|incomplete|read"):
        body.read()


def test_rules_survive_being_written_and_read() -> None:
    rules = Rules(gone={"us-east-1": "blackhole"}, cuts=(Cut("prod", "*"),))
    assert Rules.parse(rules.dump()) == rules
    assert rules.verdict("dr", "us-east-1", "s3") == "blackhole"
    assert replace(rules, gone={}).verdict("dr", "us-east-1", "s3") is None


def test_a_tls_only_policy_lets_the_lab_write_and_anonymous_readers_need_an_allowance(aws: Aws) -> None:
    s3 = client(aws, "s3", "operator", "us-east-1")
    bucket = make_bucket(s3, "policy", "us-east-1")
    everything = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    statement = {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "s3:*", "Resource": everything}
    tls_only = {**statement, "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    checkers = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": everything[1:]}
    checkers["Condition"] = {"IpAddress": {"aws:SourceIp": ["15.177.0.0/18"]}}

    def declare(*statements: object) -> None:
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))

    declare(tls_only)
    s3.put_object(Bucket=bucket, Key="canary", Body=b"ok")
    url = f"{aws.endpoint('checkers')}/{bucket}/canary"
    with pytest.raises(urllib.error.HTTPError, match="403"):
        fetch(url)
    declare(tls_only, checkers)
    assert fetch(url) == b"ok"
    declare(statement)
    with pytest.raises(ClientError, match="403"):
        s3.put_object(Bucket=bucket, Key="canary", Body=b"no")

"""The recovery bundle: sealed, the same for the same inputs, and refused when it is not what was written."""

import hashlib
import json

import pytest

from recovery.errors import Refused
from recovery.failover.bundle import Bundle, ClusterAccess, Endpoints, read_bundle
from recovery.plan.loading import load_plan
from tests.support.plans import ROOT

PLAN = load_plan(ROOT / "recovery.yaml")


def bundle() -> Bundle:
    return Bundle(
        account="123456789012",
        region="us-west-2",
        namespace="ultramarket-dr",
        control_table="table",
        backup_bucket="backups",
        marker_bucket="marker",
        cluster=ClusterAccess(name="dr", endpoint="https://127.0.0.1:6443", ca_data="Q0E="),
        endpoints=Endpoints(prod_edge="a:1", dr_edge="b:1", standby="c:1", gate="d:1"),
        plan=PLAN,
    )


def test_the_same_inputs_make_the_same_bytes() -> None:
    assert bundle().to_json() == bundle().to_json()


def test_what_was_written_is_read_back() -> None:
    read = read_bundle(bundle().to_json().encode(), source="s3://x")
    assert read.plan == PLAN
    assert read.endpoints == bundle().endpoints


def test_an_altered_bundle_is_refused_naming_its_source() -> None:
    value = json.loads(bundle().to_json())
    value["endpoints"]["gate"] = "elsewhere:5432"
    with pytest.raises(Refused, match=r"s3://x was altered.*\nNext: run `pulumi up` on the dr stack"):
        read_bundle(json.dumps(value).encode(), source="s3://x")


@pytest.mark.parametrize("port", ["0", "65536", "²"])
def test_an_endpoint_whose_port_no_machine_has_is_refused(port: str) -> None:
    value = json.loads(bundle().to_json())
    value["endpoints"]["prod_edge"] = f"a:{port}"
    with pytest.raises(Refused, match="s3://x is not a recovery bundle"):
        read_bundle(json.dumps(value).encode(), source="s3://x")


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"\xff", b'{"format": 2}', b"[" * 5000])
def test_what_is_no_bundle_is_refused(body: bytes) -> None:
    with pytest.raises(Refused, match="s3://x is not a recovery bundle"):
        read_bundle(body, source="s3://x")


def test_a_bundle_of_before_assets_were_watched_is_still_read() -> None:
    """Its digest was made without the field."""
    value = json.loads(bundle().to_json())
    assert "assets_bucket" not in value
    del value["digest"]
    seal = hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
    assert read_bundle(json.dumps(value | {"digest": seal}).encode(), source="b").assets_bucket == ""
    named = bundle().model_copy(update={"assets_bucket": "shop"})
    assert read_bundle(named.to_json().encode(), source="b").assets_bucket == "shop"
    forged = named.to_json().replace('"shop"', '"other"').encode()
    with pytest.raises(Refused, match="altered"):
        read_bundle(forged, source="b")

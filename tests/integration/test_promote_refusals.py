"""What `dr promote` says on real parts when something would stop it later, or turns it away now."""

import json
from pathlib import Path

import pytest

from cloud.marker import fetch
from cloud.s3_errors import worded
from engines.postgres.standby import PostgresGate, PostgresStandby
from lab.machine.processes import wait_until
from lab.ultramarket.primary import DATABASE
from operations.failover.ports import load_bundle
from recovery.errors import Refused, Unreachable
from recovery.names import MARKER_KEY
from tests.support.promotion_site import DrSite
from tests.support.promotion_site import dr_site as dr_site  # a fixture


@pytest.fixture
def login(dr_site: DrSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """The promoter's, for code that runs in this process."""
    monkeypatch.setenv("PGUSER", "dr_promoter")
    monkeypatch.setenv("PGPASSWORD", dr_site.primary.passwords["dr_promoter"])


def unchanged(site: DrSite) -> bool:
    """Nothing was taken, promoted, scaled or moved."""
    lease = site.leases.read()
    return bool(lease and lease.site == "prod" and site.in_recovery() and not site.scaled and not site.marker())


def test_a_service_without_a_deployment_is_refused_before_the_lease_is_taken(dr_site: DrSite) -> None:
    dr_site.lose_production()
    del dr_site.replicas["cart"]
    for arguments in ((), ("--execute",)):
        refused = dr_site.promote(*arguments)
        assert refused.returncode == 2, refused.stderr
        assert "no Deployment cart" in refused.stderr
        assert "pulumi up" in refused.stderr
    assert unchanged(dr_site)


def test_rights_and_resolvers_that_are_missing_are_refused_all_at_once(dr_site: DrSite) -> None:
    dr_site.may_scale = False
    with dr_site.primary.connect() as connection:
        connection.execute("REVOKE EXECUTE ON FUNCTION pg_promote(boolean, integer) FROM dr_promoter, public")
        connection.execute("REVOKE UPDATE ON dr.site FROM dr_promoter")

    def followed() -> bool:
        with dr_site.standby.connect() as connection:
            row = connection.execute(
                "SELECT has_table_privilege('dr_promoter', 'dr.site', 'UPDATE') OR"
                " has_function_privilege('dr_promoter', 'pg_promote(boolean, integer)', 'EXECUTE')"
            ).fetchone()
        return bool(row and not row[0])

    wait_until(followed, what="the standby to follow")
    dr_site.lose_production()
    refused = dr_site.promote("--execute", "--resolver", f"{dr_site.block.dns}:9")
    assert refused.returncode == 2, refused.stderr
    for words in (
        "may not scale Deployments",
        "may not execute pg_promote(boolean, integer)",
        "may not write its probe",
        f"resolver {dr_site.block.dns}:9 cannot verify",
    ):
        assert words in refused.stderr
    assert unchanged(dr_site)


def test_a_wrong_password_is_not_answered_by_a_restore(dr_site: DrSite) -> None:
    dr_site.lose_production()
    refused = dr_site.promote("--execute", environment={"PGPASSWORD": "wrong"})
    assert refused.returncode == 2, refused.stderr
    assert "turns this login away" in refused.stderr
    assert "PGPASSWORD" in refused.stderr
    assert "restore" not in refused.stderr
    assert unchanged(dr_site)


@pytest.mark.usefixtures("login")
def test_a_real_server_tells_why_it_lets_nobody_in(dr_site: DrSite, monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"{dr_site.standby.address}:5432"
    found = PostgresStandby(address, DATABASE).rights()
    assert (found.login, found.promote, found.resume_replay) == ("dr_promoter", True, True)
    assert (found.update_site, found.insert_probe, found.site_rows, found.read_only) == (True, True, 1, False)
    with pytest.raises(Refused, match="does not admit this login"):
        PostgresStandby(address, "nothing").state()
    with pytest.raises(Unreachable, match="refuses connections"):
        PostgresStandby(f"{dr_site.standby.address}:5433", DATABASE).state()
    assert PostgresGate(f"{dr_site.standby.address}:5433", DATABASE).knock() == "closed"
    assert PostgresGate(address, DATABASE).knock() == "open"
    with pytest.raises(Refused, match="has no address"):
        PostgresGate("gate.invalid:5432", DATABASE).knock()
    monkeypatch.setenv("PGSSLMODE", "require")
    with pytest.raises(Refused, match="does not agree on TLS"):
        PostgresStandby(address, DATABASE).state()
    monkeypatch.delenv("PGSSLMODE")
    monkeypatch.setenv("PGUSER", "nobody")
    with pytest.raises(Refused, match="does not admit this login"):
        PostgresStandby(address, DATABASE).state()


def test_a_login_without_a_right_to_the_schema_is_told_so(dr_site: DrSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGUSER", "dr_backup")
    monkeypatch.setenv("PGPASSWORD", dr_site.primary.passwords["dr_backup"])
    with pytest.raises(Refused, match="dr_promoter"):
        PostgresStandby(f"{dr_site.standby.address}:5432", DATABASE).rights()


def test_a_bundle_that_is_not_there_says_which_part_of_its_address_is_wrong(
    dr_site: DrSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in dr_site.aws.env("operator").items():
        monkeypatch.setenv(key, value)
    with pytest.raises(Refused, match="bucket nobody-s-bucket does not exist") as no_bucket:
        load_bundle("s3://nobody-s-bucket/bundle.json", Path("recovery.yaml"), "")
    assert "--bundle" in no_bucket.value.next_step
    assert "pulumi up" not in no_bucket.value.next_step
    bucket = dr_site.names.marker_bucket
    with pytest.raises(Refused, match=f"bucket {bucket} is there, but holds no bundle under other") as no_key:
        load_bundle(f"s3://{bucket}/other", Path("recovery.yaml"), "")
    assert no_key.value.next_step.startswith("correct the key in --bundle")
    assert fetch(bucket, MARKER_KEY, "us-west-2") is None


def test_a_failover_needs_one_replica_of_the_control_table(dr_site: DrSite) -> None:
    dr_site.lose_production()
    dr_site.aws.reach.cut("operator", "us-west-2", service="dynamodb")
    dry = dr_site.promote("--json")
    assert dry.returncode == 0, dry.stderr
    assert json.loads(dry.stdout)["may_go"]
    done = dr_site.promote("--execute", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["epoch_after"] == 2
    assert dr_site.marker()


def test_a_takeover_whose_answer_is_lost_is_settled_by_a_read_and_not_repeated(dr_site: DrSite) -> None:
    dr_site.lose_production()
    before = len(dr_site.aws.reach.dropped())  # of other tests that this worker ran
    dr_site.aws.reach.drop_next_answer("dynamodb", "UpdateItem", "operator")
    done = dr_site.promote("--execute", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["epoch_before"], result["epoch_after"]) == (1, 2)
    assert len(dr_site.aws.reach.dropped()) == before + 1


def test_a_lost_region_of_production_is_never_asked_for_the_lease(dr_site: DrSite) -> None:
    dr_site.lose_production()
    dr_site.aws.reach.region_gone("us-east-1")
    before = len(dr_site.aws.reach.attempts())
    assert dr_site.promote("--json").returncode == 0
    assert dr_site.aws.reach.attempts()[before:] == []


def test_a_journal_folder_that_is_a_file_is_refused_before_any_effect(dr_site: DrSite) -> None:
    dr_site.lose_production()
    (dr_site.folder / "journal").write_text("")
    refused = dr_site.promote("--execute")
    assert refused.returncode == 2, refused.stderr
    assert "--journal-dir" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert unchanged(dr_site)


def test_a_marker_deleted_after_the_end_is_put_again_by_execute(dr_site: DrSite) -> None:
    dr_site.lose_production()
    assert dr_site.promote("--execute").returncode == 0
    dr_site.s3.delete_object(Bucket=dr_site.names.marker_bucket, Key=MARKER_KEY)
    dry = dr_site.promote()
    assert dry.returncode == 0, dry.stderr
    assert "the lease says the DR site, but the public name leads to production" in dry.stdout
    assert "write, services, traffic, name" in dry.stdout
    assert not dr_site.marker()
    healed = dr_site.promote("--execute", "--json")
    assert healed.returncode == 0, healed.stderr
    result = json.loads(healed.stdout)
    assert list(result["healed"]["undone"]) == ["traffic"]
    assert result["epoch_after"] == 2
    assert dr_site.marker()
    again = dr_site.promote("--execute")
    assert "Nothing to do" in again.stderr


def test_s3_s_other_refusals_of_a_bundle_have_advice_of_their_own() -> None:
    from botocore.exceptions import ClientError

    from operations.failover.ports import BUNDLE_ADVICE

    class Bucket:
        bucket, region = "b", "us-west-2"

    for code, words in {"AccessDenied": "promoter's credentials", "PermanentRedirect": "AWS_REGION"}.items():
        answer = {"Error": {"Code": code, "Message": "no"}}
        with pytest.raises(Refused) as caught, worded(Bucket(), "read it", BUNDLE_ADVICE):
            raise ClientError(answer, "GetObject")  # type: ignore[arg-type]
        assert words in caught.value.next_step

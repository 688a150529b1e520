"""The standby on a real API server: built from the bucket while production is down, or of a moment asked for."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from cloud.kubernetes_api import Conflict
from lab.aws.site import Aws
from lab.machine.processes import Supervisor
from recovery.errors import Refused
from recovery.lease.lease import format_lsn
from recovery.names import STANDBY, STANDBY_CLAIM, STANDBY_ORDER
from recovery.site.postgres_standby import SLOT
from tests.lab import standby_site
from tests.lab.conftest import Object, Workspace
from tests.lab.standby_site import StandbySite
from tests.support.restore_site import lsn
from tests.support.wal_shipping import Shipper

pytestmark = pytest.mark.timeout(300)
RECOVERS = "SELECT pg_is_in_recovery()"
STREAMS = "SELECT status FROM pg_stat_wal_receiver"


@pytest.fixture
def standby(space: Workspace, pod_aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandbySite]:
    processes = Supervisor(tmp_path / "databases")
    try:
        yield from standby_site.make(space, pod_aws, tmp_path, processes, monkeypatch)
    finally:
        processes.stop_all()


def test_a_standby_is_built_from_the_bucket_while_production_is_down_and_streams_when_it_is_back(
    standby: StandbySite,
) -> None:
    eventually, source = standby.space.eventually, standby.source
    with standby.primary.connect() as session:
        source.back_up()
        write(session, "shipped", 7)
        Shipper(source).ship()
        write(session, "not shipped", 5)
    standby.primary.supervisor.stop(standby.primary.name)

    standby.declare()
    eventually(lambda: "unpack and check" in filling(standby), "the restore to begin")
    standby.lose_pod()
    eventually(lambda: standby.rows("shipped") == "7", "the end of the log in the bucket")
    assert (standby.ask(RECOVERS), standby.rows("not shipped")) == ("True", "0")
    assert "does not answer: restoring the newest backup\n" in filling(standby)

    standby.primary.start()
    eventually(lambda: standby.ask(STREAMS) == "streaming", "the stream of production, which is back")
    eventually(lambda: standby.rows("not shipped") == "5", "what was never shipped")
    with standby.primary.connect() as session:
        write(session, "now", 3)
        eventually(lambda: standby.rows("now") == "3", "what is written now")
        assert session.execute("SELECT slot_name, active FROM pg_replication_slots").fetchall() == [(SLOT, True)]


def test_a_standby_of_a_moment_follows_nobody_outlives_its_pod_and_is_a_primary_once_it_is_promoted(
    standby: StandbySite,
) -> None:
    eventually, source = standby.space.eventually, standby.source
    with standby.primary.connect() as session:
        source.back_up()
        write(session, "before", 7)
        moment = format_lsn(lsn(session))
        write(session, "damage", 1)
        Shipper(source).ship()
    write_order(standby, {"to": moment, "asked": "before", "at": "2026-11-30T12:00:00+00:00"})
    standby.declare()
    for _ in range(2):
        eventually(lambda: standby.ask(RECOVERS) == "True", "the standby of that moment")
        assert (standby.rows("before"), standby.rows("damage")) == ("7", "0")
        assert standby.ask("SELECT count(*) FROM pg_stat_wal_receiver") == "0"
        standby.lose_pod()
    with standby.primary.connect() as session:
        assert session.execute("SELECT count(*) FROM pg_replication_slots").fetchone() == (0,)
    eventually(lambda: standby.ask("SELECT pg_promote()") == "True", "the promotion")
    standby.lose_pod()
    eventually(lambda: standby.ask(RECOVERS) == "False", "the primary")
    assert (standby.rows("before"), standby.rows("damage")) == ("7", "0")


def test_the_promoter_has_the_standby_made_anew_and_may_do_no_more(standby: StandbySite) -> None:
    space, operator = standby.space, standby.operator
    with standby.primary.connect():
        standby.source.back_up()
    standby.declare()
    space.eventually(lambda: standby.ask(RECOVERS) == "True", "the standby")
    seen = operator.call("GET", space.path("configmaps", STANDBY_ORDER))["metadata"]["resourceVersion"]
    write_order(standby, {"asked": "latest"}, version=seen)
    with pytest.raises(Conflict, match="was changed meanwhile"):
        write_order(standby, {"asked": "another"}, version=seen)
    standby.scale(0)
    space.eventually(lambda: not standby.pod, "the Pod to go")
    operator.call("DELETE", space.path("persistentvolumeclaims", STANDBY_CLAIM))
    claims = space.path("persistentvolumeclaims")
    space.eventually(lambda: not space.api.get(claims)["items"], "the claim to go")
    volume: Object = {"metadata": {"name": f"of-{space.name}"}, "spec": VOLUME}
    space.api.create("/api/v1/persistentvolumes", volume)
    found = operator.call("GET", f"/api/v1/persistentvolumes/of-{space.name}")
    assert found["spec"]["persistentVolumeReclaimPolicy"] == "Retain"
    standby.scale(1)
    space.eventually(lambda: standby.ask(RECOVERS) == "True", "the standby, made anew")

    image: Object = {"spec": {"template": {"spec": {"serviceAccountName": "dr-writer"}}}}
    space.create("persistentvolumeclaims", "others", spec=CLAIM)
    for method, path, body in (
        ("PATCH", space.path("statefulsets", STANDBY, "apps/v1"), image),
        ("DELETE", space.path("statefulsets", STANDBY, "apps/v1"), None),
        ("DELETE", space.path("persistentvolumeclaims", "others"), None),
        ("PATCH", space.path("statefulsets", "others/scale", "apps/v1"), {"spec": {"replicas": 1}}),
        ("PATCH", space.path("configmaps", "dr-plan"), {"data": {}}),
        ("DELETE", f"/api/v1/persistentvolumes/of-{space.name}", None),
        ("GET", "/api/v1/persistentvolumes", None),
    ):
        with pytest.raises(Refused, match="403"):
            operator.call(method, path, body)


CLAIM: Object = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
VOLUME: Object = {
    "accessModes": ["ReadWriteOnce"],
    "capacity": {"storage": "1Gi"},
    "hostPath": {"path": "/nowhere"},
    "persistentVolumeReclaimPolicy": "Retain",
}


def write(session: psycopg.Connection, what: str, rows: int) -> None:
    """Where the promoter may read it."""
    session.execute("INSERT INTO dr.probe SELECT %s, n::text FROM generate_series(1, %s) AS n", [what, rows])


def write_order(standby: StandbySite, data: dict[str, str], *, version: str = "") -> None:
    """As a promotion does."""
    metadata = {"metadata": {"resourceVersion": version}} if version else {}
    standby.operator.call("PATCH", standby.space.path("configmaps", STANDBY_ORDER), {**metadata, "data": data})


def filling(standby: StandbySite) -> str:
    """What the container has said that fills the volume."""
    return standby.space.log(f"{STANDBY}-0", "fill")

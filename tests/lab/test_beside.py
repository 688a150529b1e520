"""`dr restore --beside` on a real API server, with the manifests of the dr stack and the operator's own rights."""

import json
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from cloud.beside import KubernetesBeside
from cloud.kubernetes_api import Conflict, KubernetesApi
from lab.aws.site import Aws
from lab.machine.processes import Supervisor
from lab.ultramarket.primary import APPLICATION
from recovery.errors import EXIT_DONE, EXIT_REFUSED, Refused
from recovery.lease.lease import format_lsn
from recovery.names import BESIDE, ROLE_BACKUP, ROLE_PROMOTER
from tests.lab import beside_site
from tests.lab.beside_site import BesideSite
from tests.lab.conftest import Object, Workspace
from tests.support.restore_site import lsn, order
from tests.support.wal_shipping import Shipper

pytestmark = pytest.mark.timeout(300)
_ORDERS = "SELECT count(*) FROM orders WHERE client = 'before'"


@pytest.fixture
def beside(space: Workspace, pod_aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BesideSite]:
    processes = Supervisor(tmp_path / "databases")
    try:
        yield from beside_site.make(space, pod_aws, tmp_path, processes, monkeypatch)
    finally:
        processes.stop_all()


class Publisher:
    """Where a subscription connects to: counts who does."""

    def __init__(self, address: str) -> None:
        self.address, self.listener = address, socket.create_server((address, 0))
        self.port, self.visits = self.listener.getsockname()[1], 0
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                self.listener.accept()[0].close()
            except OSError:
                return
            self.visits += 1


def test_the_moment_before_a_mistake_is_looked_at_and_picked_from_beside_the_site(
    beside: BesideSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, marker = beside_site.source(beside, monkeypatch), beside.folder / "archived"
    publisher = Publisher(beside.space.block.host(77))
    with closing(publisher.listener):
        with beside.primary.connect() as session:
            subscribe_and_archive(session, publisher, marker)
            source.back_up()
            order(session, "before", 7)
            moment = format_lsn(lsn(session))
            session.execute("DROP TABLE orders")
            Shipper(source).ship()
        beside.primary.supervisor.stop(beside.primary.name)  # so that whoever connects now is the copy
        publisher.visits = 0

        shown = beside.dr("--to", moment)
        assert shown.returncode == EXIT_DONE, shown.stderr
        assert "what can be restored:" in shown.stdout and "Nothing was done. Next: the same with" in shown.stdout
        assert (beside.order(), beside.replicas(), beside.pods()) == ({}, 0, [])

        begin_and_kill(beside, moment)
        other = beside.dr("--to", "latest", "--execute")
        assert other.returncode == EXIT_REFUSED and "there is only one" in other.stderr and "--end" in other.stderr

        up = answers(beside, "--to", moment)
        assert (up["asked"], up["to"], up["read_only"]) == (moment, moment, True)
        with beside.connect(up["address"], ROLE_PROMOTER) as copy:
            isolated(copy)
            assert copy.execute(_ORDERS).fetchone() == (7,)
        assert (publisher.visits, marker.exists()) == (0, False)
        for role in (APPLICATION, ROLE_BACKUP):
            with pytest.raises(psycopg.OperationalError, match=r"pg_hba.conf rejects connection"):
                beside.connect(up["address"], role)

        lose_its_pod(beside)
        again = answers(beside)
        assert again["to"] == moment
        with beside.connect(again["address"], ROLE_PROMOTER) as copy:
            assert copy.execute(_ORDERS).fetchone() == (7,)

        assert "would go" in beside.dr("--end").stdout and beside.replicas() == 1
        assert beside.dr("--end", "--execute").returncode == EXIT_DONE
        assert (beside.order(), beside.replicas(), beside.pods()) == ({}, 0, [])
        assert "there is no restored server" in beside.dr("--end", "--execute").stdout


def subscribe_and_archive(session: psycopg.Connection, publisher: Publisher, marker: Path) -> None:
    """What a copy must not go on with."""
    for setting in (
        "archive_mode = always",  # not in effect before a restart, which the source does not get
        f"archive_command = 'touch {marker}'",
        "default_transaction_read_only = off",
    ):
        session.execute(f"ALTER SYSTEM SET {setting}".encode())
    session.execute(
        f"CREATE SUBSCRIPTION news CONNECTION 'host={publisher.address} port={publisher.port}' "
        "PUBLICATION news WITH (connect = false)".encode()
    )
    session.execute("ALTER SUBSCRIPTION news ENABLE")


def begin_and_kill(beside: BesideSite, moment: str) -> None:
    """The command is killed when it has asked for the server."""
    first = subprocess.Popen(
        beside.command("--to", moment, "--execute"), env=beside.environment, cwd=beside.folder,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        beside.space.eventually(lambda: beside.order() != {}, "the order to be written")
    finally:
        first.kill()
        first.wait()


def answers(beside: BesideSite, *options: str) -> dict[str, Any]:
    """What the command says when it has followed the server until it answers."""
    done = beside.dr(*options, "--execute", "--json")
    assert done.returncode == EXIT_DONE, done.stderr
    found = json.loads(done.stdout)
    assert found["up"] is True
    return found


def lose_its_pod(beside: BesideSite) -> None:
    """As with its node."""
    (pod,) = beside.pods()
    beside.space.api.request("DELETE", beside.space.path("pods", pod["metadata"]["name"]))
    beside.space.eventually(
        lambda: pod["metadata"]["uid"] not in {each["metadata"]["uid"] for each in beside.pods()}, "the Pod to go"
    )


def isolated(copy: psycopg.Connection) -> None:
    """PostgreSQL itself refuses, whatever a session sets."""
    copy.execute("SET default_transaction_read_only = off")
    for statement in (
        "INSERT INTO dr.probe (run, step) VALUES ('a', 'b')",
        "CREATE TABLE mine ()",
        "SELECT txid_current()",
    ):
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction, match=r"during recovery|read-only transaction"):
            copy.execute(statement.encode())
    assert copy.execute("SELECT subenabled FROM pg_subscription").fetchone() == (True,)
    workers = "SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'logical replication%'"
    assert copy.execute(workers).fetchone() == (0,)
    settings = dict(copy.execute("SELECT name, setting FROM pg_settings").fetchall())
    assert [settings[name] for name in ("archive_mode", "primary_conninfo", "max_logical_replication_workers")] == [
        "off", "", "0",
    ]  # fmt: skip


def test_what_fails_in_the_pod_is_told_with_its_own_words_and_ends_by_end(
    beside: BesideSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = beside_site.source(beside, monkeypatch)
    part = next(each for each in source.back_up().manifest.parts if each.key.endswith("base.tar.zst"))
    source.rewrite(part.key, lambda body: body[:1000] + bytes([body[1000] ^ 1]) + body[1001:])
    failed = beside.dr("--execute")
    assert failed.returncode == 1
    assert "failed while restoring" in failed.stderr and "was changed: its SHA-256" in failed.stderr
    assert "--end --execute" in failed.stderr
    ended = beside.dr("--end", "--execute", "--json")
    assert json.loads(ended.stdout)["ended"] is True and beside.pods() == []


def test_of_two_who_ask_at_once_one_is_told_and_the_operator_may_do_no_more(beside: BesideSite) -> None:
    cluster = KubernetesBeside(beside.folder / "kubeconfig", beside.space.name)
    first, second = cluster.state(), cluster.state()
    wanted = beside_site.an_order("0/3000148")
    cluster.write_order(wanted, version=first.version)
    with pytest.raises(Conflict, match="was changed meanwhile"):
        cluster.write_order(beside_site.an_order("0/4000000"), version=second.version)
    assert cluster.state().order == wanted
    cluster.write_order(None, version=cluster.state().version)
    assert cluster.state().order is None

    api = KubernetesApi(beside.folder / "kubeconfig", beside.space.name)
    space, image = beside.space, {"spec": {"template": {"spec": {"serviceAccountName": "dr-writer"}}}}
    pod: Object = {"metadata": {"name": "mine"}, "spec": {"containers": [{"name": "a", "image": "b"}]}}
    for method, path, body in (
        ("POST", space.path("pods"), pod),
        ("PATCH", space.path("deployments", BESIDE, "apps/v1"), image),
        ("GET", space.path("secrets", "somebodys"), None),
        ("GET", space.path("configmaps", "dr-plan"), None),
        ("POST", space.path("configmaps"), {"metadata": {"name": "mine"}}),
        ("DELETE", space.path("deployments", BESIDE, "apps/v1"), None),
    ):
        with pytest.raises(Refused, match="403"):
            api.call(method, path, body)

"""`dr promote` that restores first, on a real API server, PostgreSQL and gate: a cold site, and two corruptions."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lab.aws.site import Aws
from lab.machine.processes import Supervisor
from recovery.errors import EXIT_DONE, EXIT_REFUSED
from recovery.lease.lease import format_lsn
from recovery.names import STANDBY, STANDBY_ORDER
from tests.lab import restoring_site
from tests.lab.conftest import Workspace
from tests.lab.restoring_site import RestoringSite
from tests.lab.test_standby_from_bucket import RECOVERS, STREAMS, write
from tests.support.restore_site import lsn
from tests.support.wal_shipping import Shipper

pytestmark = pytest.mark.timeout(400)
Make = Callable[[Callable[[str], str]], RestoringSite]


@pytest.fixture
def make(space: Workspace, pod_aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    processes = Supervisor(tmp_path / "databases")
    made: list[Iterator[RestoringSite]] = []

    def build(change: Callable[[str], str]) -> RestoringSite:
        site = restoring_site.make(space, pod_aws, tmp_path, processes, monkeypatch, change)
        made.append(site)
        return next(site)

    try:
        yield build
    finally:
        for site in made:
            list(site)
        processes.stop_all()


def cold(plan: str) -> str:
    """Redis keeps its objective without a replica only when its snapshots go straight to the DR bucket."""
    text = plan.replace("strategy: warm", "strategy: cold", 1).replace("to: local", "to: cloud")
    return text.replace("{warm: 1", "{warm: 0")


def warm(plan: str) -> str:
    """As it is."""
    return plan


def test_a_cold_site_is_restored_promoted_and_goes_back_to_the_moment_before_its_damage(make: Make) -> None:
    site = make(cold)
    with site.site.primary.connect() as session:
        site.site.source.back_up()
        write(session, "before", 7)
        moment = format_lsn(lsn(session))
        write(session, "damage", 3)
        Shipper(site.site.source).ship()
        site.beat(lsn(session))
        write(session, "never shipped", 5)
    site.site.primary.supervisor.stop(site.site.primary.name)

    shown = site.promote()
    assert shown.returncode == EXIT_DONE, shown.stderr
    assert "Restored first: postgres to latest" in shown.stdout and "what can be restored:" in shown.stdout
    assert "restore: unpack and check" in shown.stdout
    assert "the bucket has everything production reported last" in shown.stdout
    assert (order(site), replicas(site), site.volumes()) == ({}, 0, {})

    with started(site, "--execute"):
        site.space.eventually(lambda: bool(order(site)), "the order to be written")
    done = promoted(site, "--execute")
    assert done["resumed"] and (done["epoch_before"], done["epoch_after"]) == (1, 2)
    assert rows(site) == {"before": "7", "damage": "3", "never shipped": "0"}
    assert list(site.volumes().values()) == ["Retain"]

    go_back = ("--after", "corruption", "--to", moment)
    refused = site.promote(*go_back)
    assert refused.returncode == EXIT_REFUSED and "Loss, on purpose: everything after" in refused.stderr
    assert (order(site), rows(site)["damage"]) == ({}, "3")
    done = promoted(site, *go_back, "--accept-loss", "2h", "--execute")
    assert (done["epoch_before"], done["epoch_after"]) == (2, 3)
    assert rows(site) == {"before": "7", "damage": "0", "never shipped": "0"}
    assert site.site.ask("SHOW dr.pinned") == moment
    assert list(site.volumes().values()) == ["Retain", "Retain"]


def test_production_alive_and_damaged_is_left_for_the_moment_before(make: Make) -> None:
    site = make(warm)
    site.production = True
    site.space.eventually(lambda: site.site.ask(STREAMS) == "streaming", "the standby")
    with site.site.primary.connect() as session:
        site.site.source.back_up()
        write(session, "before", 7)
        moment = format_lsn(lsn(session))
        write(session, "damage", 3)
        Shipper(site.site.source).ship()
        site.beat(lsn(session))
        site.space.eventually(lambda: site.site.rows("damage") == "3", "the damage at the standby")

        plain = site.promote()
        assert plain.returncode == EXIT_REFUSED and "production still takes orders" in plain.stderr
        go_back = ("--after", "corruption", "--to", moment, "--accept-loss", "2h", "--execute")
        with started(site, *go_back):
            site.space.eventually(lambda: len(site.volumes()) == 2, "the new disk")

        taken_back(site)
        site.space.eventually(lambda: site.site.rows("damage") == "3", "the standby to have all of production again")
        assert site.lease().site == "prod"

        with started(site, *go_back):
            site.space.eventually(lambda: len(site.volumes()) == 4, "the new disk")
        done = promoted(site, *go_back)
        assert done["resumed"] and (done["epoch_before"], done["epoch_after"]) == (1, 2)
        assert (done["steps"][0]["name"], done["steps"][-1]["name"]) == ("restore", "clear")
        assert rows(site) == {"before": "7", "damage": "0", "never shipped": "0"}
        assert session.execute("SELECT count(*) FROM dr.probe WHERE run = 'damage'").fetchone() == (3,)
    assert site.lease().site == "dr"
    assert list(site.volumes().values()) == ["Retain"] * 4


def taken_back(site: RestoringSite) -> None:
    """Half of it was done: the standby follows production again, on a disk of its own."""
    shown = site.promote("--give-up")
    assert shown.returncode == EXIT_DONE and "Nothing was changed" in shown.stderr
    assert order(site) != {}
    done = site.promote("--give-up", "--execute")
    assert done.returncode == EXIT_DONE, done.stderr
    assert order(site) == {}
    site.space.eventually(lambda: site.site.ask(STREAMS) == "streaming", "the standby to follow production again")
    again = site.promote("--give-up")
    assert again.returncode == EXIT_REFUSED and "no promotion after corruption is under way" in again.stderr


@contextmanager
def started(site: RestoringSite, *arguments: str) -> Iterator[None]:
    """The command, until it is killed."""
    child = subprocess.Popen(
        site.command(*arguments), env=site.environment, cwd=site.site.folder,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield
    finally:
        child.kill()
        child.wait()


def promoted(site: RestoringSite, *arguments: str) -> dict[str, Any]:
    """What the command says when it has come to its end; and the end is the same each time."""
    done = site.promote(*arguments, "--json")
    assert done.returncode == EXIT_DONE, done.stderr
    assert (site.lease().site, site.lease().state) == ("dr", "held")
    assert (order(site), replicas(site), site.site.ask(RECOVERS)) == ({}, 1, "False")
    return json.loads(done.stdout)


def order(site: RestoringSite) -> dict[str, str]:
    return site.space.api.get(site.space.path("configmaps", STANDBY_ORDER)).get("data") or {}


def replicas(site: RestoringSite) -> int:
    return site.space.api.get(site.space.path("statefulsets", STANDBY, "apps/v1"))["spec"]["replicas"]


def rows(site: RestoringSite) -> dict[str, str]:
    """What the customers' orders are here, by when they were written."""
    return {what: site.site.rows(what) for what in ("before", "damage", "never shipped")}

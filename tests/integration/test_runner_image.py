"""`dr` as the runner's image has it: installed from the lock, run by the image's user on a read-only root.

`tests/support/image_tree.py` says what is the same as in the image and what is not.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.image_tree import UID, ImageTree, missing
from tests.support.plans import ROOT

ROOMS = ("cloud", "engines", "operations", "policy", "recovery", "scripts")
NEVER = ("components", "infra", "lab", "tests", "bench", "tools", "pulumi", "pytest", "moto")
PLAN = (ROOT / "recovery.yaml").read_text()


@pytest.fixture(scope="module")
def image(database_folder: Path) -> Iterator[ImageTree]:
    if reason := missing():
        pytest.skip(reason)
    folder = database_folder / "image"
    folder.mkdir()
    folder.chmod(0o755)
    tree = ImageTree.build(folder)
    (folder / "recovery.yaml").write_text(PLAN)
    yield tree


def well(done: subprocess.CompletedProcess[str]) -> str:
    """What it printed."""
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_runs_as_the_pods_user_and_writes_nowhere_but_in_tmp(image: ImageTree) -> None:
    assert well(image.run("id", "-un")) == "dr\n"
    assert well(image.run("sh", "-c", "echo kept > /tmp/x && cat /tmp/x; id -u")) == f"kept\n{UID}\n"
    for folder in ("/opt/dr", "/etc", "/var/tmp", "/dev", str(ROOT)):  # noqa: S108 - the point is that it fails
        place = f"{folder}/x"
        assert image.run("sh", "-c", f"echo x > {place}").returncode != 0


def test_every_command_says_its_help(image: ImageTree) -> None:
    shown = well(image.run("dr", "--help"))
    for line in shown.partition("Commands:\n")[2].splitlines():
        assert "Usage: dr" in well(image.run("dr", line.split()[0], "--help"))


def test_the_plan_is_read_and_budgeted(image: ImageTree) -> None:
    told = json.loads(well(image.run("dr", "plan", "--plan", "/opt/recovery.yaml", "--json")))
    assert told


def test_a_guard_without_credentials_ends_with_one_message(image: ImageTree) -> None:
    where = ("--listen", "127.0.0.1:5432", "--upstream", "127.0.0.1:5433")
    done = image.run("dr", "guard", "--site", "nowhere", *where, "--plan", "/opt/recovery.yaml")
    assert done.returncode == 2
    assert "Next: " in done.stderr and "Traceback" not in done.stderr


def test_what_dr_starts_is_there_and_starts(image: ImageTree) -> None:
    for program in ("pg_basebackup", "pg_verifybackup", "pg_waldump", "pg_controldata"):
        assert "(PostgreSQL) " in well(image.run(program, "--version"))
    times = "\n".join(f" timeout {side} 1s" for side in ("connect", "client", "server"))
    proxy = f"defaults\n mode tcp\n{times}\nlisten gate\n bind 127.0.0.1:5432\n"
    assert "HAProxy version" in well(image.run("haproxy", "-v"))
    well(image.run("sh", "-c", 'printf "%s" "$PROXY" > /tmp/gate.cfg && haproxy -c -f /tmp/gate.cfg', PROXY=proxy))


def test_time_zones_and_certificates_are_there(image: ImageTree) -> None:
    code = (
        "import ssl, zoneinfo; zoneinfo.ZoneInfo('America/New_York');"
        "print(len(ssl.create_default_context().get_ca_certs()) > 50)"
    )
    assert well(image.run("/opt/dr/bin/python", "-c", code)) == "True\n"


def test_only_the_rooms_that_dr_needs_are_there_and_in_one_folder(image: ImageTree) -> None:
    (packages,) = image.folder.glob("dr/lib/python3*/site-packages")
    (record,) = packages.glob("ultramarket_dr-*.dist-info/RECORD")
    files = [line.split(",")[0] for line in record.read_text().splitlines()]
    tops = {name.split("/")[0] for name in files if not name.startswith("..")}
    assert tops == {"ultramarket_dr", record.parent.name}
    inside = {path.name for path in (packages / "ultramarket_dr").iterdir() if path.is_dir()} - {"__pycache__"}
    assert inside == set(ROOMS)
    assert not (packages / "ultramarket_dr" / "policy" / "pack").exists()
    for name in (*NEVER, *ROOMS):
        assert not (packages / name).exists()


def test_a_defect_names_its_place_also_when_installed(image: ImageTree) -> None:
    code = (
        "import sys; sys.argv = ['dr', 'plan', '--plan', '/opt/recovery.yaml'];"
        "import ultramarket_dr; sys.path.insert(0, ultramarket_dr.__path__[0]);"
        "import recovery.plan.loading as loading; loading.parse_plan = None;"
        "ultramarket_dr.main()"
    )
    done = image.run("/opt/dr/bin/python", "-c", code)
    assert done.returncode == 1
    assert "this is a defect of dr: TypeError at recovery/plan/loading.py line" in done.stderr

"""`dr plan`: what people and programs see, and the exit code."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from recovery.plan.plan import Plan
from recovery.units import format_duration, read_duration
from scripts import dr
from tests.support.plans import ROOT, SEED_LOG, edited


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, output, errors."""
    with pytest.raises(SystemExit) as ended:
        dr.main(["plan", *arguments])
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


@pytest.fixture
def seed(tmp_path: Path) -> str:
    """A plan with the original document's figures."""
    path = tmp_path / "seed.yaml"
    path.write_text(edited(SEED_LOG))
    return str(path)


def test_the_committed_plan_is_printed_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "--plan", str(ROOT / "recovery.yaml"))
    assert (code, err) == (0, "")
    for line in (
        "data lost at most (RPO)  15m",
        "uptime                   99.9%",
        "Strategy: warm, back within 30m when the region is lost",
        "databases that follow            postgres, redis",
        "Copies, in the time of Asia/Tashkent",
        "postgres incremental  every 4 h, 06:00 to 22:00  30m      1h     local  made",
        "redis snapshot        every 5 min                2m       3m     local  made",
        "postgres log          1d     7d     90d",
        "configuration full    30d    1y     permanent",
        "promotions  oncall@ultramarket.com, business@ultramarket.com",
        "files          region lost     26h 45m  27h *    ~21m 3s     30m",
        "redis          data corrupted  10m      15m",
        "files          27h  -    releases are deployed again",
        "region lost, postgres, mongo, files, configuration: these figures end with the failover: then the DR",
        "region lost, redis: should the replica be gone as well, 25m are lost, from the snapshot",
    ):
        assert line in out
    assert "\x1b" not in out
    assert "NOT KEPT" not in out.replace("NOT KEPT is more than allowed", "")


def test_terms_show_what_every_figure_is_made_of(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "--plan", str(ROOT / "recovery.yaml"), "--terms")
    assert "postgres, region lost, recovery: ~21m 9s" in out
    assert "until the word is given                    10m  ASSUMED: assumptions.decide" in out
    assert "the old lease runs out                     30s  plan: lease.duration" in out


def test_an_objective_that_is_not_kept_ends_with_2_the_table_and_the_change(
    seed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, "--plan", seed)
    assert code == 2
    assert "postgres       region lost     ~20m 5s  15m  NOT KEPT" in out
    assert "an objective is not kept by the plan's own figures" in err
    assert "datasets.postgres.log.to: cloud   (now local)" in err


def test_json_holds_everything_and_ends_with_the_same_code(seed: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "--plan", seed, "--json")
    found = json.loads(out)
    assert code == 2 and "Next: " in err
    assert found["budget"]["met"] is False
    (row,) = [r for r in found["budget"]["rows"] if (r["dataset"], r["scenario"]) == ("postgres", "region lost")]
    assert row["loss"]["seconds"] == 1205
    assert row["loss"]["terms"][1]["assumed"] is True
    assert found["plan"]["datasets"]["postgres"]["log"]["to"] == "local"
    assert found["strategy"]["standbys"] == ["postgres", "redis"]
    assert [change["path"] for change in found["remedy"]["changes"]] == ["datasets.postgres.log.to"]
    assert run(capsys, "--plan", str(ROOT / "recovery.yaml"), "--json")[0] == 0


def test_a_wrong_plan_ends_with_2_and_every_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "wrong.yaml"
    text = edited(("rto: 4h", "rto: soon"), ("failures: 1", "failures: 010"))
    path.write_text(text)
    lines = text.splitlines()
    objective, check = (1 + next(n for n, line in enumerate(lines) if what in line) for what in ("soon", "010"))
    code, out, err = run(capsys, "--plan", str(path))
    assert (code, out) == (2, "")
    assert (
        "2 problems" in err
        and f"line {objective}: objectives.rto" in err
        and f"line {check}: dns.health_check.failures" in err
    )


def test_the_page_about_the_plan_explains_every_part_of_it() -> None:
    page = (ROOT / "docs" / "plan.md").read_text()
    assert [name for name in Plan.model_fields if f"`{name}`" not in page] == []


def test_a_year_is_spelt_the_same_wherever_it_is_read() -> None:
    year = timedelta(days=365)
    assert (read_duration(year), format_duration(year)) == ("1y", "1y")
    assert "365d" not in (ROOT / "recovery.yaml").read_text()


def test_help_has_examples_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "--help")
    assert "dr plan --terms" in out and "Exit codes: 0 every objective is kept" in out

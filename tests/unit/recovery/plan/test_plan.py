"""The plan: what is accepted, and how each mistake is named with its place."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.project import lab_plan
from recovery.errors import EXIT_REFUSED, PlanError
from recovery.plan.loading import load_plan, parse_plan
from recovery.units import format_duration, parse_duration, parse_share
from tests.support.plans import ROOT

TEXT = (ROOT / "recovery.yaml").read_text()


def problems_of(text: str) -> tuple[str, ...]:
    with pytest.raises(PlanError) as caught:
        parse_plan(text)
    assert caught.value.exit_code == EXIT_REFUSED
    assert "Next: correct recovery.yaml" in str(caught.value)
    return caught.value.problems


def test_the_committed_plan_is_valid() -> None:
    plan = load_plan(ROOT / "recovery.yaml")
    assert plan.sites.prod.region == "us-east-1"
    assert plan.lease.duration == timedelta(seconds=30)
    assert list(plan.services) == ["auth", "user", "product", "order", "payment", "cart"]


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("uptime: 99.9%", "uptme: 99.9%", "objectives.uptme: unknown key"),
        ("rto: 4h", "rto: 4 hours", "objectives.rto: expected a duration such as 30s"),
        ("rto: 4h", "rto: 240", "objectives.rto: expected a duration such as 30s"),
        ("rto: 4h", "rto: 0s", "expected a duration longer than zero"),
        ("uptime: 99.9%", "uptime: 999%", "expected a share such as 99.9%"),
        ('"0 2 * * *"', '"0 26 * * *"', "datasets.postgres.full.schedule: not a cron schedule"),
        ('"0 2 * * *"', '"@daily"', "datasets.postgres.full.schedule: expected five cron fields"),
        ('"0 2 * * *"', '"0 2 31 2 *"', "datasets.postgres.full.schedule: "),
        ("region: us-east-2", "region: eu-west-1", "not in one DynamoDB strong-consistency set"),
        ("region: us-east-2", "region: us-east-1", "must be three different regions"),
        ("time_zone: Asia/Tashkent", "time_zone: Mars/Olympus", "time_zone: expected an IANA time zone"),
        ("interval: 10s", "interval: 20s", "Route 53 checks every 10s or 30s"),
        ("renewal: 5s", "renewal: 15s", "renewal must be at most a third of duration"),
        ("local: 7d, cloud: 30d", "local: 30d, cloud: 7d", "expected local <= cloud <= archive"),
        ("cart: {warm: 1, ", "cart: {warm: 4, ", "services.cart: warm must not exceed full"),
        ("cart: {warm: 1, ", "cart: {warm: many, ", "services.cart.warm: "),
        ("cart: {warm: 1, least: 2,", "cart: {warm: 1, least: 4,", "services.cart.least: expected at most full, 3"),
        ("cart: {warm: 1, least: 2,", "cart: {warm: 1, least: 0,", "services.cart.least: "),
    ],
)
def test_a_mistake_is_named_with_line_and_path(right: str, wrong: str, said: str) -> None:
    text = TEXT.replace(right, wrong, 1)
    assert text != TEXT
    (problem,) = [each for each in problems_of(text) if said in each]
    line, path, _ = problem.removeprefix("line ").split(": ", 2)
    named = text.splitlines()[int(line) - 1].partition(":")[0].strip()
    assert named in path.split(".")


def test_traffic_waits_for_full_size_where_the_plan_names_no_least() -> None:
    plan = parse_plan(TEXT.replace("cart: {warm: 1, least: 2, full: 3}", "cart: {warm: 1, full: 3}"))
    assert (plan.services["cart"].least, plan.services["auth"].least) == (3, 2)


def test_a_missing_least_is_not_told_beside_a_wrong_full() -> None:
    text = TEXT.replace("cart: {warm: 1, least: 2, full: 3}", "cart: {warm: 1, full: many}")
    assert [problem.split(": ")[1] for problem in problems_of(text)] == ["services.cart.full"]


def test_a_plan_without_services_is_refused_naming_the_six() -> None:
    text = TEXT[: TEXT.index("services:")] + "services: {}\n\n" + TEXT[TEXT.index("notify:") :]
    (problem,) = problems_of(text)
    assert "auth, user, product, order, payment, cart" in problem


def test_all_mistakes_are_told_at_once() -> None:
    text = TEXT.replace("rto: 4h", "rto: x").replace("rpo: 15m", "rpo: y").replace("ttl: 10s", "ttl: z")
    assert len(problems_of(text)) == 3


def test_a_duplicate_key_is_named_with_both_lines() -> None:
    (problem,) = problems_of(TEXT + "\nlease: {duration: 10s, renewal: 2s, margin: 2s}\n")
    assert "lease: duplicate key, first on line" in problem


@pytest.mark.parametrize("text", ["", "- a", "a: [", "\t", "a: !!python/object:os.system {}", "a: *b", "? [1]\n: 2"])
def test_what_is_no_plan_is_refused_without_a_traceback(text: str) -> None:
    assert problems_of(text)


def test_a_missing_plan_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="cannot be read: No such file"):
        load_plan(tmp_path / "absent.yaml")


def test_the_digest_follows_content_and_not_comments() -> None:
    plain = parse_plan(TEXT).digest
    assert parse_plan("# a comment\n" + TEXT).digest == plain
    assert parse_plan(TEXT.replace("rpo: 15m", "rpo: 14m")).digest != plain


def test_the_lab_shortens_the_lease_and_nothing_else() -> None:
    plan, lab = parse_plan(TEXT), parse_plan(lab_plan(TEXT))
    assert lab.lease.duration == timedelta(seconds=10)
    assert lab.model_copy(update={"lease": plan.lease}) == plan


@given(st.integers(min_value=1, max_value=10**9))
def test_durations_survive_being_written_and_read(seconds: int) -> None:
    value = timedelta(seconds=seconds)
    assert parse_duration(format_duration(value)) == value


@given(st.text(max_size=60))
def test_no_text_makes_the_loader_fail_in_any_other_way(text: str) -> None:
    with pytest.raises(PlanError):
        parse_plan(text)


@given(st.text(max_size=8))
def test_a_share_is_a_percentage_or_refused(text: str) -> None:
    try:
        assert 0 < parse_share(text) <= 1
    except ValueError as error:
        assert "expected a share" in str(error)

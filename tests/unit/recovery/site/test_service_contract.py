"""What an answer over HTTP proves, and what each clause of the contract says of it."""

import json
import re
from typing import Any

import pytest

from recovery.plan.plan import SERVICES
from recovery.ports.edge import HttpAnswer
from recovery.site.contract_check import SLOWEST_SECONDS, Asked, Clause, judge_health, judge_probe
from recovery.site.service_contract import read_health, read_write
from tests.support.plans import ROOT

HEALTHY: dict[str, Any] = {"site": "prod", "epoch": 1, "database": "ok"}
CLOSED: dict[str, Any] = {"site": "prod", "epoch": None, "database": "OperationalError"}
HTML = HttpAnswer(status=200, headers={"content-type": "text/html"}, body=b"<html>welcome</html>")


def said(status: int, body: dict[str, Any], **headers: str) -> HttpAnswer:
    """In the service's own words."""
    usual = {"content-type": "application/json; charset=utf-8", "cache-control": "no-store"}
    return HttpAnswer(status=status, headers={**usual, **headers}, body=json.dumps(body).encode())


def foreign(status: int, body: bytes = b"") -> HttpAnswer:
    return HttpAnswer(status=status, headers={"content-type": "text/html"}, body=body)


def broken(answer: HttpAnswer | None, *, seconds: float = 0.1, why: str = "") -> list[str]:
    """Clauses of the health that do not hold."""
    asked = Asked(answer=answer, seconds=seconds, why=why)
    return [clause.name for clause in judge_health("cart", asked, "prod") if not clause.holds]


def probe(answer: HttpAnswer, health: HttpAnswer) -> Clause:
    return judge_probe(Asked(answer=answer), Asked(answer=health), "prod")


def test_a_health_in_the_services_own_words_names_site_epoch_and_database() -> None:
    answer = read_health(said(200, HEALTHY))
    assert (answer.status, answer.site, answer.epoch, answer.database, answer.instead) == (200, "prod", 1, "ok", "")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (foreign(401), "wants a login"),
        (foreign(403), "wants a login"),
        (foreign(404), "no such path"),
        (foreign(302), "redirects"),
        (foreign(502), "load balancer"),
        (foreign(503, b"<h1>no healthy upstream</h1>"), "load balancer"),
        (HTML, "no JSON object"),
        (said(200, {"status": "UP"}), "without what the contract names"),
        (said(200, {**HEALTHY, "site": "us-east-1"}), "without what the contract names"),
        (said(401, HEALTHY), "wants a login"),
        (HttpAnswer(status=200, headers={"content-type": "text/html"}, body=json.dumps(HEALTHY).encode()), "no JSON"),
    ],
)
def test_whatever_else_answers_names_no_site_and_proves_no_write(answer: HttpAnswer, words: str) -> None:
    read = read_health(answer)
    assert read.site is None
    assert words in read.instead
    wrote = read_write(answer)
    assert (wrote.said, wrote.why) == ("no proof", read.instead)


@pytest.mark.parametrize("epoch", [True, 0, -1, "1", 1.0, None])
def test_an_epoch_is_a_whole_number_from_1(epoch: object) -> None:
    assert read_health(said(200, {**HEALTHY, "epoch": epoch})).epoch is None
    assert broken(said(200, {**HEALTHY, "epoch": epoch})) == ["epoch"]


def test_only_the_services_own_word_accepts_or_refuses_a_write() -> None:
    assert read_write(said(200, {**HEALTHY, "write": "accepted"})).said == "accepted"
    assert read_write(said(503, {**CLOSED, "write": "refused"})).said == "refused"
    for odd in (
        said(201, {**HEALTHY, "write": "accepted"}),
        said(200, {**HEALTHY, "write": "refused"}),
        said(503, {**CLOSED, "write": "accepted"}),
        said(200, HEALTHY),
        said(503, CLOSED),
        said(503, {"write": "refused"}),
        said(200, {**HEALTHY, "site": "dr", "write": "accepted"}),
    ):
        assert read_write(odd).said == "no proof"
        assert read_write(odd).why


def test_an_accepted_write_stops_a_promotion_even_if_it_forgets_the_site() -> None:
    assert read_write(said(200, {"write": "accepted"})).said == "accepted"


def test_a_service_that_speaks_the_contract_keeps_every_clause_open_and_closed() -> None:
    assert broken(said(200, HEALTHY)) == []
    assert broken(said(503, CLOSED)) == []
    assert probe(said(200, {**HEALTHY, "write": "accepted"}), said(200, HEALTHY)).holds
    assert probe(said(503, {**CLOSED, "write": "refused"}), said(503, CLOSED)).holds


@pytest.mark.parametrize(
    ("answer", "clause"),
    [
        (said(200, {**HEALTHY, "site": "dr"}), "site"),
        (said(200, {**HEALTHY, "database": "closed"}), "database"),
        (said(200, {"site": "prod", "epoch": 1}), "database"),
        (said(503, {**CLOSED, "database": "ok"}), "database"),
        (said(503, {**CLOSED, "epoch": "none"}), "epoch"),
        (said(200, HEALTHY, **{"cache-control": "max-age=60"}), "not cached"),
        (foreign(401), "own words"),
        (HTML, "own words"),
    ],
)
def test_each_clause_is_broken_alone(answer: HttpAnswer, clause: str) -> None:
    assert broken(answer) == [clause]


def test_an_answer_that_is_slow_or_does_not_come_breaks_the_first_clause() -> None:
    assert broken(said(200, HEALTHY), seconds=SLOWEST_SECONDS + 0.01) == ["answers"]
    assert broken(None, why="does not answer: refused") == ["answers"]


def test_a_probe_that_is_refused_beside_a_readable_database_says_what_to_grant() -> None:
    found = probe(said(503, {**HEALTHY, "database": "InsufficientPrivilege", "write": "refused"}), said(200, HEALTHY))
    assert "INSERT on dr.probe" in found.next_step


def test_a_probe_behind_a_login_or_of_another_site_does_not_keep_the_contract() -> None:
    for answer in (foreign(401), foreign(404), said(200, {**HEALTHY, "site": "dr", "write": "accepted"})):
        assert not probe(answer, said(200, HEALTHY)).holds


def test_the_page_names_every_clause_and_every_service() -> None:
    page = (ROOT / "docs" / "service-contract.md").read_text()
    named = re.findall(r"^\| \*\*([a-z ]+)\*\* \|", page, re.MULTILINE)
    judged = judge_health("cart", Asked(answer=said(200, HEALTHY)), "prod")
    assert named == [clause.name for clause in judged]
    assert f"({', '.join(SERVICES)})" in page

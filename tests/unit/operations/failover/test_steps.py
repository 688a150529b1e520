"""The two halves of every step fit together, and a new step needs two files and a place in the list."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from operations.failover.asking import Asker
from operations.failover.performer import Performer, performers
from recovery.failover.bundle import Bundle
from recovery.failover.facts import Facts, Findings
from recovery.failover.history import History
from recovery.failover.moves import Act, Done, Move
from recovery.failover.step import Step, Turn
from recovery.failover.steps import RESTORING, STEPS
from recovery.ports.edge import WriteAnswer
from tests.support.failover import Invocation
from tests.support.plans import ROOT
from tests.support.promotion import Site, bundle, ports, process, standby

RULES, HANDS = ROOT / "recovery" / "failover" / "steps", ROOT / "operations" / "failover" / "steps"


def modules(folder: Path) -> set[str]:
    """The files of a folder of steps."""
    return {path.stem for path in folder.glob("*.py")} - {"__init__"}


@pytest.fixture
def hands() -> Mapping[str, Performer]:
    """Every step's performer, on a site in memory."""
    site = Site()
    return performers(RESTORING, ports(site), Asker(), lambda: site.clock)


def test_every_step_has_one_file_of_its_name_on_each_side_and_a_place_in_the_list() -> None:
    assert modules(RULES) == modules(HANDS) == {step.name for step in RESTORING}
    assert len(RESTORING) == len({step.name for step in RESTORING})


def test_every_step_comes_after_what_it_waits_for() -> None:
    before: set[str] = set()
    for step in RESTORING:
        assert set(step.after) <= before
        before.add(step.name)


@pytest.mark.parametrize("step", RESTORING, ids=lambda step: step.name)
def test_every_verb_that_a_step_may_ask_for_is_performed_and_no_other(
    step: Step[Any], hands: Mapping[str, Performer]
) -> None:
    assert step.verbs.keys() == hands[step.name].verbs().keys()


@pytest.mark.parametrize("step", RESTORING, ids=lambda step: step.name)
def test_every_step_is_shown_what_its_rules_look_at(step: Step[Any], hands: Mapping[str, Performer]) -> None:
    turn = Turn(bundle=bundle(), history=History.of(()), clock=0.0, started=0.0)
    assert isinstance(hands[step.name].look(turn), step.observes)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (WriteAnswer("refused"), "its order service says that it can write nothing"),
        (WriteAnswer("no proof", "HTTP 401: a login"), "what its edge answers proves nothing (HTTP 401: a login)"),
    ],
)
def test_the_fence_s_sentence_claims_no_more_than_the_old_site_said(
    answer: WriteAnswer, words: str, tmp_path: Path
) -> None:
    site = Site(old_site=answer)
    process(site, tmp_path)
    (said,) = [step.sentence(move.facts) for step, move in site.told if isinstance(move, Done) and step.name == "fence"]
    assert said.endswith(words)


def test_no_step_may_ask_for_what_it_did_not_declare() -> None:
    with pytest.raises(KeyError):
        STEPS[0].act("format the disk")


def test_every_step_says_a_sentence_when_it_is_done_and_no_field_names(tmp_path: Path) -> None:
    site = Site(database=standby(replay_paused=True))
    process(site, tmp_path)
    said = {move.step: step.sentence(move.facts) for step, move in site.told if isinstance(move, Done)}
    assert said.keys() == {step.name for step in STEPS}
    assert said["lease"] == "the site lease is ours: epoch 2, taken from production (epoch 1)"
    assert "its lease ran out after 32.0 s, and its edge does not answer" in said["fence"]
    assert said["postgres"] == "PostgreSQL is a primary, on timeline 2 from position 0/3E8"
    assert "at cached" in said["name"]
    assert not any("_" in words or "{" in words for words in said.values())
    assert all(step.title and all(step.verbs.values()) for step in STEPS)


@dataclass(frozen=True)
class BellSeen:
    """Whether it has been rung."""

    rung: bool


class RingBell(Step[BellSeen]):
    """A toy: rings a bell once the public name is verified."""

    name = "bell"
    title = "ring the bell"
    after = ("name",)
    observes = BellSeen
    verbs = {"ring": "ringing"}  # noqa: RUF012
    night = True

    def deadline(self, bundle: Bundle, history: History) -> float:
        return 1

    def decide(self, turn: Turn, seen: BellSeen) -> Move:
        return self.done(times=1) if seen.rung else self.act("ring")

    def obstacles(self, bundle: Bundle, facts: Facts, found: Findings) -> None:
        if facts.previews[self.name] == "a rope" and self.night:
            found.no("nobody may ring at night", "wait for the morning")

    def sentence(self, facts: Mapping[str, Any]) -> str:
        return f"the bell rang {facts['times']} time"


class Bell(Performer):
    """Its other half."""

    rung = False

    def look(self, turn: Turn) -> BellSeen:
        return BellSeen(rung=self.rung)

    def verbs(self) -> Mapping[str, Callable[[Turn, Act], None]]:
        return {"ring": self._ring}

    def preview(self, bundle: Bundle) -> str:
        return "a rope"

    def _ring(self, turn: Turn, act: Act) -> None:
        self.rung = True


def test_a_new_step_needs_its_two_halves_and_a_place_in_the_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other_half = ModuleType("operations.failover.steps.bell")
    other_half.PERFORMER = Bell  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, other_half.__name__, other_half)
    invocation = Invocation(Site(), tmp_path, steps=(*STEPS, RingBell()))
    assert invocation.reasons() == ["nobody may ring at night"]
    RingBell.night = False
    outcome = invocation.execute()
    step, move = invocation.site.told[-1]
    assert isinstance(move, Done)
    assert step.sentence(move.facts) == "the bell rang 1 time"
    assert outcome.history.steps[-1] == "bell"
    assert ("bell", "ring") in outcome.history.intents
    assert invocation.prepare().finished


def test_a_run_that_finished_before_a_step_was_added_stays_finished(tmp_path: Path) -> None:
    site = Site()
    history = process(site, tmp_path).history()
    assert history.finished
    assert "bell" not in history.steps

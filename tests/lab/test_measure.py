"""Measurements of the lab are made from the ledger, and say -1 for what was not seen."""

import json
from pathlib import Path

from lab.machine.processes import wait_until
from lab.story.measure import Watch, first_at_dr, lost, outage
from lab.ultramarket.shop import Order, read_ledger


def order(number: int, acked: float, site: str, client: str = "a") -> Order:
    return Order(client=client, id=str(number), sent=acked - 0.1, acked=acked, site=site, epoch=1)


def test_an_outage_lasts_from_the_last_order_there_to_the_first_here() -> None:
    orders = [order(1, 1.0, "prod"), order(2, 2.0, "prod"), order(3, 9.5, "dr"), order(4, 10.0, "dr")]
    assert outage(orders, "a") == 7.5
    assert first_at_dr(orders, "a") == 9.5


def test_a_client_that_never_got_there_has_no_outage_to_report() -> None:
    assert outage([order(1, 1.0, "prod"), order(2, 3.0, "dr", client="b")], "a") == -1


def test_an_acknowledged_order_that_is_not_stored_is_lost() -> None:
    assert [each.id for each in lost([order(1, 1, "prod"), order(2, 2, "dr")], {"2"})] == ["1"]


def test_a_line_being_written_is_left_for_the_next_reading(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    line = json.dumps({**vars(order(1, 1.0, "prod")), "address": "127.0.0.1"})
    ledger.write_text(line + "\n" + line[:20])
    assert [each.id for each in read_ledger(ledger)] == ["1"]


def test_a_watch_keeps_when_an_answer_changed_and_skips_what_cannot_be_asked() -> None:
    answers = iter([1, 1, 2])

    def look() -> int:
        value = next(answers, None)
        if value is None:
            raise OSError("cannot be asked")
        return value

    watch = Watch(look, interval=0.001).start()
    wait_until(lambda: len(watch.changes) == 2, what="both answers")
    watch.stop()
    assert [change.value for change in watch.changes] == [1, 2]
    second = watch.first(2)
    assert second is not None
    assert second.after < second.before
    assert watch.first(3) is None

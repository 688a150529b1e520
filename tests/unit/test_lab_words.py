"""The lab's progress lines are sentences, never Python's way of writing a value."""

from lab import words


def test_second_previews_that_propose_nothing_are_named() -> None:
    said = words.second_previews({"foundation": 0, "prod": 0, "dr": 0})
    assert said == "a second preview proposes no change: foundation, prod, dr"


def test_second_previews_that_propose_something_are_counted() -> None:
    assert words.second_previews({"foundation": 0, "prod": 2}) == "a second preview proposes changes: prod 2"


def test_a_backup_has_size_time_and_state() -> None:
    found = {"bytes": 3_528_332, "seconds": 5.0, "verified": True, "replicated": True}
    assert words.backup(found) == "backup of 3.5 MB in 5 s: verified, copy in the DR bucket complete"
    assert words.backup({**found, "verified": False, "replicated": False}) == (
        "backup of 3.5 MB in 5 s: NOT verified, copy in the DR bucket NOT complete"
    )


def test_a_change_names_resources_and_what_was_left() -> None:
    done = {"changed": ["warm-cluster-nodes"], "replicas_kept": True, "preview_with_refresh": 0}
    assert (
        words.change(done) == "changed warm-cluster-nodes; services kept their full size; a preview finds nothing left"
    )
    assert words.change({"changed": [], "replicas_kept": False, "preview_with_refresh": 2}) == (
        "changed nothing; services LOST their full size; a preview still finds 2 changes"
    )


def test_a_refusal_is_short_and_keeps_its_reason() -> None:
    reasons = {
        "gate": 'connection failed: connection to server at "127.20.37.206", port 5432 failed: Connection refused',
        "database": 'connection failed: connection to server at "127.20.0.31", port 5432 failed: FATAL:  pg_hba.conf '
        'rejects connection for host "127.0.0.1", user "ultramarket_app", database "ultramarket", no encryption',
    }
    assert words.refusals(reasons) == (
        "a write as the application: gate, refused (Connection refused); "
        "database, refused (pg_hba.conf rejects connection)"
    )


def test_an_accepted_write_stands_out() -> None:
    assert words.refusals({"gate": ""}) == "a write as the application: gate, ACCEPTED"


def test_a_long_reason_is_cut() -> None:
    assert len(words.refusals({"gate": "x" * 300 + " y"})) < 140

"""The lab's progress lines are sentences, never Python's way of writing a value."""

from lab.story import words


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


def test_a_restart_says_how_long_it_took_or_why_it_failed() -> None:
    assert words.restart({"streams": True, "seconds": 2.31, "why": ""}) == (
        "a new Pod has the same volume and streams again, 2.3 s after the old one was deleted"
    )
    assert words.restart({"streams": False, "seconds": 60, "why": "FATAL: invalid permissions"}) == (
        "the standby did NOT come back: FATAL: invalid permissions"
    )


def test_a_restore_counts_orders_and_says_what_did_not_hold() -> None:
    found = {
        "orders_expected": 412,
        "orders_found": 412,
        "seconds": 8.04,
        "write_refused": "cannot execute INSERT in a read-only transaction",
        "put_back": True,
    }
    assert words.restore(found) == (
        "beside it, as of the moment before, after 8.0 s: 412 of 412 orders; a write there is refused (cannot execute "
        "INSERT in a read-only transaction); the table is put back"
    )
    assert words.restore({**found, "orders_found": 411, "write_refused": "", "put_back": False}) == (
        "beside it, as of the moment before, after 8.0 s: 411 of 412 orders ONLY; a write there was ACCEPTED; the "
        "table is NOT put back"
    )


def test_the_full_backup_that_began_by_itself_is_told_with_its_reason() -> None:
    why = "the newest full backup is of epoch 1, and this is epoch 2"
    found = {"why": why, "epoch": 2, "seconds": 4.2}
    assert words.due_full(found) == f"a full backup began by itself at the DR site, 4 s: {why}"
    assert words.due_full({**found, "why": ""}) == "NO full backup was due at the DR site"


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


def test_each_site_s_wall_is_told_with_the_database_s_words() -> None:
    held = 'pg_hba.conf rejects connection for host "127.0.0.1", user "ultramarket_app", database "ultramarket"'
    found = {
        "prod": {"state": "OK", "words": held},
        "dr": {"state": "FAIL", "words": "fe_sendauth: no password supplied"},
    }
    assert words.walls(found) == (
        "past the gate, as the application: prod OK (pg_hba.conf rejects connection); dr FAIL (no password supplied)"
    )


def test_an_accepted_write_stands_out() -> None:
    assert words.refusals({"gate": ""}) == "a write as the application: gate, ACCEPTED"


def test_a_long_reason_is_cut() -> None:
    assert len(words.refusals({"gate": "x" * 300 + " y"})) < 140


def test_how_long_the_log_took_is_told_and_that_it_never_came() -> None:
    assert words.log({"samples": 40, "lag_p50_seconds": 0.71, "lag_p99_seconds": 1.4}) == (
        "a commit's log was in the DR bucket after 0.7 s, 99 of 100 within 1.4 s (40 seen)"
    )
    assert words.log({"samples": 0}).startswith("NO commit's log")


def test_what_the_stream_did_not_bring_is_counted() -> None:
    found = {"streamed": 1000, "replayed": 1000, "bucket_end": 18568}
    assert words.beyond_the_stream(found) == "the bucket has 17,568 bytes of the log that the stream did not bring"
    assert words.drained({"bucket_ahead_bytes": 17568, "drained_bytes": 17520}) == (
        "17,520 bytes of the log that the bucket alone had (17,568) were replayed before the promotion"
    )

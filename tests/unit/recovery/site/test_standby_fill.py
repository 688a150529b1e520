"""What fills the standby's empty volume: a real bash with stand-ins for PostgreSQL's programs and `dr`."""

import pytest

from tests.support.standby_scripts import Scripts
from tests.support.standby_scripts import scripts as scripts  # a fixture

NO_ANSWER, REJECTS = "2", "1"


def test_an_empty_volume_is_filled_with_a_complete_standby_of_production(scripts: Scripts) -> None:
    assert scripts.fill() == 0
    assert (scripts.data / "standby.signal").exists() and (scripts.data / "PG_VERSION").exists()
    assert scripts.run == ["isready", "dr", "receivewal", "basebackup"]


def test_what_is_there_stays_and_nobody_is_asked(scripts: Scripts) -> None:
    scripts.fill()
    (scripts.data / "standby.signal").unlink()  # what pg_promote() does
    assert scripts.fill(ORDER_TO="0/5000000", ORDER_ASKED="latest", ISREADY=NO_ANSWER) == 0
    assert scripts.run == [] and not (scripts.data / "standby.signal").exists()


@pytest.mark.parametrize("wanted", [{}, {"ORDER_TO": "0/5000000"}, {"ORDER_ASKED": "latest"}], ids=str)
def test_a_failed_copy_leaves_no_data_directory_and_the_next_start_begins_again(
    scripts: Scripts, wanted: dict[str, str]
) -> None:
    assert scripts.fill(FAIL_COPY="1", **wanted) != 0
    assert not scripts.data.exists()
    assert scripts.fill(**wanted) == 0
    assert (scripts.data / "standby.signal").exists()


@pytest.mark.parametrize("wanted", [{}, {"ORDER_TO": "0/5000000"}, {"ORDER_ASKED": "latest"}], ids=str)
def test_killed_between_copy_and_rename_the_next_start_begins_again(scripts: Scripts, wanted: dict[str, str]) -> None:
    assert scripts.fill(KILL_COPY="1", **wanted) < 0
    assert not scripts.data.exists()
    assert scripts.fill(**wanted) == 0
    assert (scripts.data / "PG_VERSION").exists()
    assert scripts.run[-1] == ("dr" if wanted else "basebackup")


def test_production_that_does_not_answer_is_waited_for_and_then_the_bucket_is_taken(scripts: Scripts) -> None:
    assert scripts.fill(ISREADY=NO_ANSWER, PRIMARY_PATIENCE_SECONDS="1") == 0
    said = scripts.said.splitlines()
    assert len([line for line in said if line.startswith("isready disable")]) > 1
    assert said[-1] == f"dr restore postgres --as-standby --into {scripts.data}.restored --execute"
    assert "the primary at primary.test:5432 does not answer" in scripts.told
    assert (scripts.data / "standby.signal").exists() and not pinned(scripts)


@pytest.mark.parametrize(
    ("refused", "told"),
    [
        ('FATAL:  password authentication failed for user "dr_replication"', "password authentication failed"),
        ("server does not support SSL, but SSL was required", "client and primary do not agree on TLS"),
    ],
)
@pytest.mark.parametrize("answer", ["0", REJECTS])
def test_production_that_refuses_is_there_so_nothing_is_restored_instead(
    scripts: Scripts, refused: str, told: str, answer: str
) -> None:
    assert scripts.fill(ISREADY=answer, REFUSED=refused) == 1
    assert scripts.run == ["isready", "dr", "receivewal"] and not scripts.data.exists()
    assert told in scripts.told


def test_whether_the_copy_fits_is_asked_of_production_before_anything_is_copied(scripts: Scripts) -> None:
    assert scripts.fill() == 0
    asked = scripts.said.splitlines()[1]
    assert asked == f"dr check copy --into {scripts.data.parent} of primary.test:5432"


def test_what_does_not_fit_is_not_begun_and_the_words_are_the_container_s_last(scripts: Scripts) -> None:
    assert scripts.fill(CHECK="2", CHECK_SAYS="the copy does not fit: 900 GB") == 1
    assert scripts.run == ["isready", "dr"] and not scripts.data.exists()
    assert scripts.told.splitlines()[-1] == "the copy does not fit: 900 GB"
    assert scripts.fill() == 0, "the disk is larger now"


def test_a_primary_with_tablespaces_is_copied_out_of_the_bucket(scripts: Scripts) -> None:
    assert scripts.fill(CHECK="1") == 0
    assert scripts.run == ["isready", "dr", "dr"]
    assert scripts.said.splitlines()[-1] == f"dr restore postgres --as-standby --into {scripts.data}.restored --execute"
    assert "the primary has tablespaces" in scripts.told
    assert not pinned(scripts), "it follows production"


def test_a_primary_that_does_not_say_is_copied_and_tells_by_itself_what_is_wrong(scripts: Scripts) -> None:
    assert scripts.fill(CHECK="3") == 0
    assert scripts.run[-1] == "basebackup"


def test_the_moment_that_a_promotion_asked_for_is_pinned(scripts: Scripts) -> None:
    assert scripts.fill(ORDER_TO="0/5000000", ORDER_ASKED="yesterday") == 0
    assert scripts.said == f"dr restore postgres --to 0/5000000 --into {scripts.data}.restored --execute\n"
    assert (scripts.data / "standby.signal").exists() and pinned(scripts)
    assert " -c dr.pinned=0/5000000 " in scripts.said, "the server says which moment that is"


def test_a_mark_that_an_interrupted_fill_left_holds_for_nothing_else(scripts: Scripts) -> None:
    scripts.data.with_name("data.pinned").touch()
    assert scripts.fill() == 0
    assert not pinned(scripts)


@pytest.mark.parametrize("environment", [{"ORDER_ASKED": "latest"}, {"STANDBY_FOLLOWS": "bucket"}], ids=str)
def test_the_newest_comes_out_of_the_bucket_and_production_is_not_asked(
    scripts: Scripts, environment: dict[str, str]
) -> None:
    assert scripts.fill(**environment) == 0
    assert scripts.said == f"dr restore postgres --as-standby --into {scripts.data}.restored --execute\n"
    assert not pinned(scripts)


def test_tablespaces_out_of_the_bucket_stay_where_the_restore_has_put_them(scripts: Scripts) -> None:
    scripts.fill(ORDER_TO="0/5000000")
    assert scripts.data.with_name("data.restored.tablespaces").is_dir()
    assert not scripts.data.with_name("data.restored").exists()


@pytest.mark.parametrize("environment", [{}, {"ORDER_TO": "0/5000000"}, {"ORDER_ASKED": "latest"}], ids=str)
def test_the_password_is_in_no_argument_and_not_in_the_data_directory(
    scripts: Scripts, environment: dict[str, str]
) -> None:
    scripts.fill(**environment)
    assert "hunter2" not in scripts.said
    assert not [file for file in scripts.data.iterdir() if "hunter2" in file.read_text()]


def test_lines_that_cannot_be_read_here_are_taken_out_of_the_copied_configuration(scripts: Scripts) -> None:
    gone = ["include_dir '/etc/postgresql/conf.d'", "Include = '/etc/pg/x.conf'", " lc_time='tlh_QO'", "Huge_Pages on"]
    kept = ["include 'mine.conf'", "timezone = 'UTC'", "#ssl = on", "ssl_ciphers = 'HIGH'", "ports = 1"]
    scripts.fill(CONF="\n".join([*gone, *kept]))
    assert (scripts.data / "postgresql.conf").read_text().splitlines() == [*(f"#{line}" for line in gone), *kept]


def pinned(scripts: Scripts) -> bool:
    """Whether the server that starts now follows nobody."""
    assert scripts.start() == 0
    return "-c primary_conninfo= -c primary_slot_name= -c restore_command= " in scripts.said

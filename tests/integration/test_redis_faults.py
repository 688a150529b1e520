"""What a server may send and S3 may answer while a copy is made: it is a whole backup afterwards, or none."""

import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from lab.aws.site import Aws
from lab.machine.addresses import Block
from recovery.errors import DrError, Failed
from tests.support.rdb import HISTORY, rdb
from tests.support.redis_fake import FACTS, FakeRedis, serving, sized
from tests.support.redis_site import RedisSite, with_bucket
from tests.support.restore_site import Stock, flipped
from tests.support.s3_faults import Fault, Faults, bulk_faults, refuses, resets
from tests.support.tls import certificate

BODY = rdb("REDIS0011")
OTHER = HISTORY[::-1]


@pytest.fixture
def fake_site(block: Block) -> Iterator[Any]:
    """`fake_site(FakeRedis(...))`: a site whose server is that one."""
    with ExitStack() as servers:

        def made(fake: FakeRedis) -> RedisSite:
            servers.enter_context(serving(fake, block.host(64)))
            more = {"REDIS_HOST": block.host(64), "REDIS_PORT": str(fake.port)}
            return _Alone(cast("Any", None), cast("Any", None), "/usr/bin:/bin", store=Stock(), more=more)

        yield made


class _Alone(RedisSite):
    """No real server is behind it."""

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": self.path, **self.more}


def test_a_server_that_does_it_right_is_copied(fake_site: Any) -> None:
    fake = FakeRedis()
    manifest = fake_site(fake).back_up().manifest
    assert (manifest.data_format, manifest.stop_position) == ("REDIS0011", f"{HISTORY}:42")
    asked = [words for words in fake.commands if words[0] in ("REPLCONF", "PSYNC")]
    # Never rdb-filter-only: an empty filter is an empty RDB.
    assert asked == [
        ["REPLCONF", "rdb-only", "1"],
        ["REPLCONF", "capa", "eof"],
        ["REPLCONF", "version", "7.2.4"],
        ["PSYNC", "?", "-1"],
    ]


WRONG = {
    "cut": (
        FakeRedis(body=sized(BODY[:50], len(BODY))),
        r"ended the connection after 50 of \d+ bytes; it still answers",
    ),
    "cut before": (FakeRedis(body=b""), "ended the connection before it sent anything; it still answers"),
    "a size too small": (FakeRedis(body=sized(BODY, len(BODY) - 1)), "is no whole RDB"),
    "a size too large": (FakeRedis(body=sized(BODY + b"x")), "is no whole RDB"),
    "a wrong byte": (FakeRedis(body=sized(flipped(BODY))), "is no whole RDB: its checksum is"),
    "no checksum": (FakeRedis(body=sized(rdb("REDIS0011", checksum=False))), "it has no checksum"),
    "nothing": (FakeRedis(body=sized(b"")), "is no whole RDB"),
    "no RDB": (FakeRedis(body=sized(b"*1\r\n$4\r\nping\r\n" * 9)), "is no whole RDB: it begins with"),
    "an error": (FakeRedis(body=b"-ERR out of memory\r\n"), "says: ERR out of memory"),
    "another position": (FakeRedis(body=sized(rdb(position=f"{HISTORY}:43"))), f"sent an RDB of {HISTORY}:43"),
    "another history": (FakeRedis(promise=f"+FULLRESYNC {OTHER} 42"), f"is of {OTHER} now"),
    "an earlier one": (FakeRedis(promise=f"+FULLRESYNC {HISTORY} 41"), "begun for somebody else before this backup"),
    "the buffers": (
        FakeRedis(body=sized(BODY[:50], 99), later={"client_output_buffer_limit_disconnections": "1"}),
        "it ended a client by client-output-buffer-limit",
    ),
    "its save": (FakeRedis(body=b"", later={"rdb_last_bgsave_status": "err"}), "its background save failed"),
    "its end": (FakeRedis(body=sized(BODY[:50], 99), dies=True), "and does not answer any more"),
}


# "cut" is fault 37, "the buffers" pitfall 5.4, "its save" and "an earlier one" pitfall 5.6.
@pytest.mark.parametrize("what", WRONG)
def test_what_a_server_does_wrong_is_told_and_no_backup(fake_site: Any, what: str) -> None:
    fake, said = WRONG[what]
    fake.facts, fake.commands = dict(FACTS), []
    site = fake_site(fake)
    with pytest.raises(Failed, match=said) as failure:
        site.back_up()
    assert failure.value.next_step
    assert site.store.objects == {}


@pytest.mark.parametrize(
    "facts",
    [{"redis_version": ""}, {"redis_version": "seven"}, {"master_replid": "x"}, {"master_repl_offset": "many"}],
    ids=str,
)
def test_what_is_no_redis_is_told_in_words(fake_site: Any, facts: dict[str, str]) -> None:
    with pytest.raises(Failed, match=f"what answers is no Redis that is understood: its INFO has {next(iter(facts))}"):
        fake_site(FakeRedis(facts=FACTS | facts)).back_up()


def test_by_tls_only_a_server_that_its_authority_vouches_for_is_copied(block: Block, tmp_path: Path) -> None:
    authority, chain = certificate(tmp_path / "right", [block.host(64)])
    stranger, _ = certificate(tmp_path / "wrong", [block.host(64)])
    other, other_chain = certificate(tmp_path / "other", ["another.example"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    with serving(FakeRedis(), block.host(64), tls=context) as fake:
        more = {"REDIS_HOST": block.host(64), "REDIS_PORT": str(fake.port), "REDIS_PASSWORD": "s3cret-of-redis"}

        def site(**environment: str) -> RedisSite:
            nobody = cast("Any", None)
            return _Alone(nobody, nobody, "/usr/bin:/bin", store=Stock(), more=more | environment)

        site(REDIS_CA=str(authority)).back_up()
        fake.commands.clear()
        for environment, said in (
            ({"REDIS_CA": str(stranger)}, "does not answer: .*certificate verify failed"),
            ({"REDIS_TLS": "yes"}, "does not answer: .*certificate verify failed"),
            ({}, "does not answer"),
            ({"REDIS_CA": str(tmp_path / "none")}, "REDIS_CA .* cannot be used: No such file"),
        ):
            with pytest.raises(DrError, match=said):
                site(**environment).back_up()
        context.load_cert_chain(other_chain)
        with pytest.raises(DrError, match=r"does not answer: .*certificate verify failed"):
            site(REDIS_CA=str(other)).back_up()
        assert fake.commands == []  # nobody else hears the password


@pytest.fixture
def site(redis_newest: RedisSite, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> RedisSite:
    for name, value in aws.env("prod").items():
        monkeypatch.setenv(name, value)
    return with_bucket(redis_newest, aws)


@pytest.mark.parametrize("fault", [refuses(403, "AccessDenied"), resets], ids=["403", "reset"])
@pytest.mark.parametrize("operation", ["CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"])
def test_an_upload_that_s3_does_not_take_leaves_no_backup(site: RedisSite, operation: str, fault: Fault) -> None:
    faults = bulk_faults(site.store, operation, "dump.rdb.zst")
    faults.always = fault
    with pytest.raises(DrError) as error:
        site.back_up()
    assert faults.asked and error.value.next_step
    assert site.nothing_there()
    faults.always = None
    site.back_up()
    site.check()


@pytest.mark.parametrize("fault", [refuses(503, "SlowDown"), resets], ids=["503", "reset"])
def test_a_part_that_s3_loses_once_is_sent_again(site: RedisSite, fault: Fault) -> None:
    faults = bulk_faults(site.store, "UploadPart", "dump.rdb.zst")
    faults.next = [fault]
    site.back_up()
    assert len(faults.asked) >= 2
    site.check()


@pytest.mark.parametrize("fault", [refuses(403, "AccessDenied"), resets], ids=["403", "reset"])
def test_without_its_manifest_it_is_no_backup_and_the_next_run_makes_one(site: RedisSite, fault: Fault) -> None:
    faults = Faults(site.store, "PutObject", "manifest.json")
    faults.always = fault
    with pytest.raises(DrError):
        site.back_up()
    assert [entry.manifest for entry in site.engine().entries(site.store)] == [None]
    faults.always = None
    made = site.back_up()
    assert [bool(entry.manifest) for entry in site.engine().entries(site.store)].count(True) == 1
    assert made.pointer_moved
    site.check(made.manifest.id)


def test_without_its_pointer_it_is_a_backup_and_is_found(site: RedisSite) -> None:
    faults = Faults(site.store, "PutObject", "pointers/")
    faults.always = refuses(403, "AccessDenied")
    with pytest.raises(DrError):
        site.back_up()
    site.check()


def test_a_bucket_in_memory_is_enough_for_all_of_it(redis_source: RedisSite) -> None:
    site = replace(redis_source, store=Stock())
    site.back_up()
    site.check()

"""The DR site's Redis on real servers: it follows, is promoted, and comes back as what it was."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from engines.redis.connection import Address, Reply, session
from engines.redis.standby import SITE_KEY, GateRedis, Lazy, ReplicaRedis
from lab.machine.addresses import Block
from lab.machine.processes import HUNG_SECONDS, Supervisor, wait_until
from lab.ultramarket.primary import database_uid
from lab.ultramarket.redis import ProductionRedis
from recovery.errors import DrError, Failed, Refused, Unreachable
from recovery.names import REDIS_PORT, ROLE_BACKUP, ROLE_MONITOR, ROLE_PROMOTER, ROLE_REPLICATION
from recovery.ports.redis import RedisState
from recovery.site.redis_replica import (
    BASE_FILE,
    BASE_FILE_NAME,
    LINK_FILE_NAME,
    START_FILE_NAME,
    START_SCRIPT,
    USERS_FILE_NAME,
    link,
    users,
)
from tests.support.redis_servers import AGES, Age, program

APPLICATION = "ultramarket_app"
HERE = {APPLICATION: "app", ROLE_BACKUP: "copies", ROLE_MONITOR: "looks", ROLE_PROMOTER: 'pro"mo\\ter ü'}


@dataclass
class Pod:
    """The container's script on a volume, as kubelet would start it."""

    age: Age
    supervisor: Supervisor
    folder: Path
    address: str
    production: ProductionRedis
    name: str = "redis-replica"

    def start(self, **more: str) -> "Pod":
        """Returns when it takes commands."""
        config, login, programs = (self.folder / each for each in ("config", "login", "programs"))
        for each in (config, login, programs, self.folder / "data"):
            each.mkdir(parents=True, exist_ok=True)
        (config / START_FILE_NAME).write_text(START_SCRIPT)
        (config / BASE_FILE_NAME).write_text(BASE_FILE + "repl-ping-replica-period 1\n")
        (login / USERS_FILE_NAME).write_text(users(APPLICATION, HERE))
        (login / LINK_FILE_NAME).write_text(link(self.production.passwords[ROLE_REPLICATION]))
        server = program(self.age)
        if not (programs / server.name).exists():
            (programs / server.name).symlink_to(server)
        for each in (self.folder, *self.folder.rglob("*")):
            if (uid := database_uid()) is not None:
                os.chown(each, uid, uid, follow_symlinks=False)
        environment = {
            "PATH": f"{programs}:/usr/bin:/bin",
            "POD_IP": self.address,
            "PRIMARY_HOST": self.production.address,
            "PRIMARY_PORT": str(REDIS_PORT),
            "PRIMARY_TLS": "no",
            "REPLICA_CONFIG": str(config),
            "REPLICA_LOGIN": str(login),
            "REPLICA_DATA": str(self.folder / "data" / "redis"),
            **more,
        }
        child = self.supervisor.start(
            self.name, ["sh", str(config / START_FILE_NAME)], env=environment, uid=database_uid()
        )
        wait_until(self._answers, what="the replica", alive=[child])
        return self

    def kill(self) -> None:
        """kill -9."""
        self.supervisor.kill(self.name)

    def port(self, user: str = ROLE_PROMOTER) -> ReplicaRedis:
        """As a promotion or the monitor has it."""
        return ReplicaRedis(self.at(user))

    def at(self, user: str) -> Lazy:
        """Its address, as a user."""
        return Lazy(Address(host=self.address, port=REDIS_PORT, user=user), lambda: HERE[user])

    def ask(self, *words: str, user: str = APPLICATION) -> Reply:
        """A command's reply."""
        with session(self.at(user).address, seconds=HUNG_SECONDS) as connection:
            return connection.command(*words)

    @property
    def state(self) -> RedisState:
        """As the monitor sees it."""
        return self.port(ROLE_MONITOR).state()

    def follows(self) -> bool:
        """Whether it has production's data, over a link that is up."""
        return self.state.link_up and self.state.offset > 0 and not self.state.synchronising

    def _answers(self) -> bool:
        try:
            return not self.state.loading
        except DrError:
            return False


@pytest.fixture(params=AGES)
def pod(request: pytest.FixtureRequest, database_folder: Path, processes: Supervisor, block: Block) -> Iterator[Pod]:
    """A replica of a production with one cart."""
    age, name = request.param, os.urandom(4).hex()
    production = ProductionRedis(
        processes, program(age), database_folder / f"production-{name}", block.host(70), database_uid()
    )
    production.start()
    production.ask("SET", "cart:1", "one", user=APPLICATION)
    made = Pod(age, processes, database_folder / f"replica-{name}", block.host(71), production).start()
    wait_until(made.follows, what="the replica to follow")
    yield made
    processes.stop_all()


def test_it_follows_production_and_takes_no_write(pod: Pod) -> None:
    assert pod.ask("GET", "cart:1") == "one"
    with pytest.raises(Failed, match="READONLY"):
        pod.ask("SET", "cart:2", "two")
    state = pod.state
    assert (state.replica, state.link_up, state.keys, state.appends) == (True, True, 1, False)
    assert state.down_seconds is None and state.silent_seconds is not None and state.commands_per_second > 0


def test_promoted_it_takes_writes_and_follows_nobody_when_it_comes_back_beside_production(pod: Pod) -> None:
    pod.port().promote()
    pod.port().promote()  # a primary stays one
    GateRedis(pod.at(ROLE_PROMOTER)).announce(2, "run-1")
    pod.ask("SET", "cart:2", "two")
    pod.port().keep()
    wait_until(lambda: pod.state.appends, what="the append-only file")
    wait_until(lambda: _appended(pod.folder), what="the append-only file on disk")
    pod.ask("SET", "cart:3", "three")
    _synced(pod)
    pod.kill()
    pod.start()
    assert not pod.state.replica and pod.state.appends
    assert [pod.ask("GET", f"cart:{number}") for number in (1, 2, 3)] == ["one", "two", "three"]
    assert str(pod.ask("GET", SITE_KEY, user=ROLE_PROMOTER)).startswith('{"site": "dr", "epoch": 2')


def test_killed_right_after_it_was_promoted_it_is_a_primary(pod: Pod) -> None:
    pod.port().promote()
    pod.kill()
    pod.start()
    assert not pod.state.replica


def test_killed_before_that_it_follows_again(pod: Pod) -> None:
    pod.kill()
    pod.start()
    wait_until(pod.follows, what="the replica to follow again")


def test_production_lost_it_keeps_what_it_has_and_knows_since_when(pod: Pod) -> None:
    pod.production.supervisor.kill(pod.production.name)
    wait_until(lambda: not pod.state.link_up, what="the link to break")
    state = pod.state
    assert state.keys == 1 and state.offset > 0
    assert state.down_seconds is not None and 0 <= state.down_seconds < 60
    pod.kill()  # without its primary: what is on its disk is what there is
    pod.start()
    assert pod.state.replica


def test_with_aof_on_a_restored_rdb_is_ignored_so_it_is_on_only_where_there_are_such_files(pod: Pod) -> None:
    """Pitfall 5.9."""
    data = pod.folder / "data" / "redis"
    pod.ask("CONFIG", "GET", "appendonly", user=ROLE_PROMOTER)
    pod.production.supervisor.kill(pod.production.name)
    pod.supervisor.stop(pod.name)  # it writes its RDB
    assert (data / "dump.rdb").exists() and not _appended(pod.folder)
    (data / "server.conf").write_text("# promoted\n")
    pod.start()
    assert pod.ask("GET", "cart:1") == "one"


@pytest.mark.parametrize("pod", ["oldest"], indirect=True)
def test_an_append_only_file_that_was_only_begun_is_none(pod: Pod) -> None:
    data = pod.folder / "data" / "redis"
    pod.port().promote()
    pod.supervisor.stop(pod.name)
    (data / "appendonly.aof").touch()  # as Redis 6.2 leaves it when it is killed then
    pod.start()
    assert pod.ask("GET", "cart:1") == "one"


@pytest.mark.parametrize(
    ("user", "command"),
    [
        (APPLICATION, ("CONFIG", "GET", "*")),
        (APPLICATION, ("FLUSHALL",)),
        (APPLICATION, ("REPLICAOF", "NO", "ONE")),
        (APPLICATION, ("ACL", "LIST")),
        (ROLE_MONITOR, ("GET", "cart:1")),
        (ROLE_BACKUP, ("GET", "cart:1")),
        (ROLE_BACKUP, ("REPLICAOF", "NO", "ONE")),
        (ROLE_PROMOTER, ("GET", "cart:1")),
        (ROLE_PROMOTER, ("SET", "cart:1", "x")),
    ],
)
@pytest.mark.parametrize("pod", ["newest"], indirect=True)
def test_a_user_may_do_its_duty_and_no_more(pod: Pod, user: str, command: tuple[str, ...]) -> None:
    with pytest.raises(Refused, match="NOPERM"):
        pod.ask(*command, user=user)


@pytest.mark.parametrize("pod", ["newest"], indirect=True)
def test_nobody_gets_in_without_a_login_or_with_a_wrong_one(pod: Pod) -> None:
    where = pod.at(APPLICATION).address
    for made in (Address(host=where.host, port=where.port), Address(host=where.host, port=where.port, password="x")):
        with pytest.raises(Refused), session(made, seconds=HUNG_SECONDS) as connection:
            connection.command("GET", "cart:1")


@pytest.mark.parametrize("pod", ["newest"], indirect=True)
def test_no_password_stands_in_a_process_list_or_in_a_file_that_others_read(pod: Pod) -> None:
    secrets = [*HERE.values(), *pod.production.passwords.values()]
    pod.port().promote()  # its configuration is written
    child = pod.supervisor.children[pod.name].process.pid
    shown = Path(f"/proc/{child}/cmdline").read_bytes().decode(errors="replace")
    assert not [each for each in secrets if each in shown]
    written = pod.folder / "data" / "redis" / "server.conf"
    assert written.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("pod", ["newest"], indirect=True)
def test_one_that_does_not_answer_is_unreachable_and_one_without_a_password_is_refused(pod: Pod) -> None:
    pod.kill()
    with pytest.raises(Unreachable):
        pod.port().state()

    def none() -> str:
        raise Refused("REDIS_PASSWORD is not set")

    with pytest.raises(Refused, match="REDIS_PASSWORD"):
        ReplicaRedis(Lazy(Address(host=pod.address, port=REDIS_PORT), none)).state()


@pytest.mark.parametrize(
    ("more", "said"),
    [({"PATH": "/usr/bin:/bin"}, "neither redis-server"), ({"PRIMARY_TLS": "yes"}, "set redisCertificate")],
)
@pytest.mark.parametrize("pod", ["newest"], indirect=True)
def test_what_cannot_work_is_said_at_the_start(pod: Pod, more: Mapping[str, str], said: str) -> None:
    pod.kill()
    with pytest.raises(RuntimeError, match=said):
        pod.start(**more)


def _appended(folder: Path) -> bool:
    data = folder / "data" / "redis"
    found = [*data.glob("appendonlydir/*.manifest"), *data.glob("appendonly.aof")]
    return any(each.stat().st_size for each in found)


def _synced(pod: Pod) -> None:
    """Whatever was written is in the append-only file's kernel pages: `everysec` writes before it answers."""
    pod.ask("GET", "cart:3")

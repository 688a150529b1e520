"""A folder of files, a bucket and a lease, as the tests about copies of files want them."""

import os
import secrets
import stat
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engines.engine import Verdict
from engines.files.full import FilesFull
from engines.files.restore import Restored
from engines.files.restore_order import Order
from operations.copies import backup
from operations.copies.backup import Made, back_up
from operations.copies.restore import execute, plan_restore
from operations.copies.verify import verify
from recovery.copies.manifest import Manifest
from recovery.names import FILES_SOURCE, PACKS
from recovery.plan.datasets import Files
from tests.support.fakes import FakeLeases, held_lease
from tests.support.plans import plan
from tests.support.restore_site import Stock


@dataclass
class FilesSite:
    """Everything one copy needs; tests replace what they want to break."""

    root: Path
    scratch: Path
    store: Any = field(default_factory=Stock)
    leases: FakeLeases = field(default_factory=lambda: FakeLeases(held_lease()))
    exclude: tuple[str, ...] = ()
    keep: timedelta = timedelta(days=3)
    environment: dict[str, str] = field(default_factory=dict[str, str])
    clock: datetime | None = None

    def write(self, path: str, content: bytes = b"", *, mode: int = 0o644) -> Path:
        """A file, with the folders it lies in."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        file.chmod(mode)
        return file

    def section(self) -> Files:
        """Of the plan."""
        return plan().datasets.files.model_copy(update={"exclude": self.exclude})

    def back_up(self, *, time_limit: timedelta = timedelta(minutes=2), **environment: str) -> Made:
        """One copy."""
        order = backup.Order(
            site="prod",
            into="prod",
            section=self.section(),
            plan_digest="0" * 64,
            keep=self.keep,
            time_limit=time_limit,
            longest=timedelta(hours=26),
            replica_lag=timedelta(0),
            run=secrets.token_hex(4),
            program_version="test",
        )
        self.clock = self.clock and self.clock + timedelta(hours=1)
        return back_up(
            FilesFull(),
            self.store,
            self.leases,
            order,
            environment={FILES_SOURCE: str(self.root), **self.environment, **environment},
            clock=lambda: self.clock or datetime.now(UTC),
        )

    def check(self, wanted: str = "latest") -> Verdict:
        """`dr verify`, without the command."""
        now = datetime.now(UTC)
        return verify(self.store, wanted, dataset="files", kind="full", environment={}, scratch=self.scratch, now=now)[
            2
        ]

    def plan_restore(self, to: str = "latest", into: str = "restored", **environment: str) -> Order:
        """`dr restore files`, without the command."""
        order = plan_restore(self.store, "files", to, self.scratch / into, environment=environment)
        assert isinstance(order, Order)
        return order

    def restore(
        self, to: str = "latest", into: str = "restored", owner: int | None = None, **environment: str
    ) -> Restored:
        """The same with --execute."""
        order = self.plan_restore(to, into, **environment)
        done = execute(self.store, order, environment=environment, owner=owner)
        assert isinstance(done, Restored)
        return done

    @property
    def packs(self) -> list[str]:
        """The keys of all packs that are there."""
        return [each.key for each in self.store.list(PACKS)]


def make_site(folder: Path) -> FilesSite:
    """Without any file."""
    (folder / "root").mkdir()
    (folder / "scratch").mkdir()
    return FilesSite(folder / "root", folder / "scratch")


@pytest.fixture
def files(tmp_path: Path) -> FilesSite:
    """With a few files."""
    site = make_site(tmp_path)
    site.write("conf/app.yaml", b"port: 8080\n")
    site.write("bin/run", b"#!/bin/sh\nexec true\n", mode=0o755)
    site.write("empty")
    (site.root / "current").symlink_to("bin/run")
    return site


def aged(site: FilesSite) -> FilesSite:
    """The same a day later, as far as its clock is asked: nothing is young any more. Nobody can set a file's ctime."""
    site.clock = datetime.now(UTC) + timedelta(days=1)
    return site


def tree(root: Path) -> dict[bytes, tuple[Any, ...]]:
    """All that a copy promises to keep of everything below `root`, by its path."""
    found: dict[bytes, tuple[Any, ...]] = {}
    linked: dict[int, list[bytes]] = {}
    top = os.fsencode(root)
    for folder, folders, names in os.walk(top):
        for name in [b"", *folders, *names]:
            path = os.path.join(folder, name) if name else folder  # noqa: PTH118 (bytes)
            status = os.lstat(path)
            kind = stat.S_IFMT(status.st_mode)
            relative = os.path.relpath(path, top)
            if kind == stat.S_IFREG:
                with open(path, "rb") as file:  # noqa: PTH123 (bytes)
                    content: bytes = file.read()
                if status.st_nlink > 1:
                    linked.setdefault(status.st_ino, []).append(relative)
            else:
                content = os.readlink(path) if kind == stat.S_IFLNK else b""  # noqa: PTH115 (bytes)
            mode = status.st_mode if kind != stat.S_IFLNK else kind
            found[relative] = (mode, status.st_uid, status.st_gid, status.st_mtime_ns, content)
    for names in linked.values():
        for name in names:
            found[name] += (tuple(sorted(names)),)
    return found


def manifest_of(site: FilesSite, made: Made) -> Manifest:
    """As it lies in the bucket."""
    return Manifest.from_json(site.store.objects[made.manifest_key], key=made.manifest_key)

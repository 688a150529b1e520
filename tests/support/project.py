"""Where Pulumi runs the program: the project's folder, and which stack is the current one."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pulumi
import pytest

from tests.support.stacks import ROOT


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pulumi runs the program in the project's folder. For every test of a file that imports it."""
    monkeypatch.chdir(ROOT)


@contextmanager
def current_stack(monkeypatch: pytest.MonkeyPatch, name: str) -> Iterator[None]:
    """Pulumi's own getters and an event loop, as while the program of stack `name` runs in the project's folder."""
    monkeypatch.chdir(ROOT)
    for what, value in {"organization": "organization", "project": "ultramarket-dr", "stack": name}.items():
        monkeypatch.setattr(pulumi, f"get_{what}", lambda value=value: value)
    asyncio.set_event_loop(loop := asyncio.new_event_loop())
    yield
    loop.run_until_complete(asyncio.gather(*asyncio.all_tasks(loop)))
    asyncio.set_event_loop(None)
    loop.close()

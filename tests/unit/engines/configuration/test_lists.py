"""Objects as kubectl takes them, an object a line."""

import json

import pytest

from engines.configuration.lists import read, written
from recovery.errors import Corrupt

OBJECTS = [
    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"c{number}"}, "data": {"a": "line\nline é ]}"}}
    for number in range(3)
]


def whole() -> bytes:
    return b"".join(map(bytes, written(OBJECTS)))


def test_it_is_one_list_of_kubernetes_s_own() -> None:
    assert json.loads(whole()) == {"apiVersion": "v1", "kind": "List", "items": OBJECTS}
    assert [*read([whole()], "k")] == OBJECTS
    assert [*read([bytes([each]) for each in whole()], "k")] == OBJECTS, "however it is cut"


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (b"", "does not begin"),
        (whole()[:-4], "no end|no object"),
        (whole()[:60], "no object|no end"),
        (whole() + b"{}\n", "follows its end"),
        (whole().replace(b'"kind":"ConfigMap"', b'"kind":7', 1), "no object"),
        (whole().replace(b"{", b"[", 1), "does not begin"),
    ],
)
def test_what_is_none_is_told(broken: bytes, why: str) -> None:
    with pytest.raises(Corrupt, match=why) as error:
        list(read([broken], "folder/part"))
    assert error.value.what.startswith("folder/part ")

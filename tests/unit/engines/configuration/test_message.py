"""A ciphertext is looked at from outside where its key may not be used."""

import pytest

from engines.configuration.message import require_whole
from recovery.errors import Corrupt
from tests.support.cluster_objects import KEYS, message

CONTEXT = {"dataset": "configuration", "backup": "20261130T040000Z-a", "cluster": "u"}
WHOLE = message(bytes(range(200)), CONTEXT)


def check(body: bytes) -> None:
    require_whole([body[:5], body[5:]], key="f/x.sealed.zst", keys=KEYS, context=CONTEXT)


def test_a_whole_one_is_taken_whatever_its_length() -> None:
    check(WHOLE)
    for size in (0, 1, 63, 64, 65, 128, 129):
        check(message(bytes(size), CONTEXT))


def test_one_that_is_cut_off_anywhere_is_found() -> None:
    for size in range(len(WHOLE)):
        with pytest.raises(Corrupt, match="cannot be opened"):
            check(WHOLE[:size])


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"\x01" + WHOLE[1:], "no message"),
        (message(b"x", {**CONTEXT, "backup": "20261123T040000Z-b"}), "it is of 20261123T040000Z-b, not of"),
        (message(b"x", CONTEXT, KEYS[1:]), "it is for .*key/prod, not for .*key/dr"),
        (WHOLE + b"x", "something follows its end"),
    ],
)
def test_another_copy_s_other_keys_and_what_was_added_are_told(body: bytes, why: str) -> None:
    with pytest.raises(Corrupt, match=why):
        check(body)


def test_a_frame_that_is_missing_or_moved_is_found() -> None:
    first = WHOLE.index((1).to_bytes(4, "big") + bytes(12), 200)
    length = 4 + 12 + 64 + 16
    with pytest.raises(Corrupt, match="frame 1 is missing"):
        check(WHOLE[:first] + WHOLE[first + length :])

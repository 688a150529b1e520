"""Documents one after another, however they come."""

from itertools import pairwise

import bson
import pytest
from bson.raw_bson import DEFAULT_RAW_BSON_OPTIONS
from hypothesis import given
from hypothesis import strategies as st

from engines.mongo.frames import LARGEST, BrokenFrames, Frames

DOCUMENTS = [bson.encode({"_id": number, "noise": b"x" * (number * 7 % 300)}) for number in range(200)]
WHOLE = b"".join(DOCUMENTS)


def passed(chunks: list[bytes]) -> tuple[bytes, Frames]:
    frames = Frames()
    return b"".join(map(bytes, frames.batches(chunks))), frames


@given(st.lists(st.integers(0, len(WHOLE)), max_size=30))
def test_wherever_the_stream_is_cut_each_piece_is_of_whole_documents(places: list[int]) -> None:
    cuts = [0, *sorted(places), len(WHOLE)]
    chunks = [WHOLE[begin:end] for begin, end in pairwise(cuts)]
    frames = Frames()
    for piece in frames.batches(chunks):
        assert all(bson.decode_iter(bytes(piece), DEFAULT_RAW_BSON_OPTIONS))
    assert (frames.count, frames.bytes) == (len(DOCUMENTS), len(WHOLE))
    assert passed(chunks)[0] == WHOLE


def test_nothing_at_all_is_no_document_and_no_fault() -> None:
    body, frames = passed([])
    assert (body, frames.count, frames.bytes) == (b"", 0, 0)


@pytest.mark.parametrize("cut", [1, 3, 4, 5, len(DOCUMENTS[-1]) - 1])
def test_14_a_cut_off_document_is_found(cut: int) -> None:
    with pytest.raises(BrokenFrames, match="ends within document 200"):
        passed([WHOLE[: -len(DOCUMENTS[-1]) + cut]])


@pytest.mark.parametrize("length", [0, 4, -1, LARGEST + 1, 2**31 - 1])
def test_a_length_that_no_document_has_is_found(length: int) -> None:
    with pytest.raises(BrokenFrames, match=r"document 201 says that it has"):
        passed([WHOLE + (length & 0xFFFFFFFF).to_bytes(4, "little") + b"\x00" * 20])


def test_a_document_that_does_not_end_with_a_zero_is_found() -> None:
    with pytest.raises(BrokenFrames, match="document 1 does not end where it says"):
        passed([WHOLE[:5] + b"x" * len(DOCUMENTS[0])])

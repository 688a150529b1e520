"""What an object of the log holds, and that nothing in it can change unseen."""

import pytest
from bson import encode
from bson.raw_bson import RawBSONDocument

from engines.mongo.log_pieces import Frame, PieceReader, read_through
from recovery.copies.mongo_log import Piece
from recovery.errors import Corrupt
from tests.support.change_streams import LINE, at

TOKEN, LATER = encode({"_data": "AA"}), encode({"_data": "BB"})


def frame(start: int, end: int, count: int, *, noise: int = 10) -> bytes:
    made = Frame(LINE, start, TOKEN)
    for number in range(count):
        made.add(RawBSONDocument(encode({"_id": number, "noise": "x" * noise})).raw)
    return made.close(end, LATER)


def ids(piece: Piece, body: bytes, size: int = 7) -> list[int]:
    chunks = (body[each : each + size] for each in range(0, len(body), size))
    return [document["_id"] for document in PieceReader(piece, chunks).events()]


def test_a_segment_is_its_ranges_one_after_another() -> None:
    body = frame(at(1), at(5), 3) + frame(at(5), at(9), 0) + frame(at(9), at(12), 2)
    piece = Piece(LINE, at(1), at(12), "segments")
    assert ids(piece, body) == [0, 1, 2, 0, 1]
    assert read_through(piece, [body]) == LATER


def test_large_documents_pass() -> None:
    body = frame(at(1), at(5), 3, noise=5_000_000)
    assert ids(Piece(LINE, at(1), at(5)), body, 100_000) == [0, 1, 2]


def test_every_flipped_byte_is_found() -> None:
    body, piece = frame(at(1), at(5), 3) + frame(at(5), at(9), 2), Piece(LINE, at(1), at(9), "segments")
    for number in range(len(body)):
        damaged = bytearray(body)
        damaged[number] ^= 0x10
        try:
            read_through(piece, [bytes(damaged)])
        except Corrupt:
            continue
        assert _only_says_less(body, damaged, number), number


def _only_says_less(body: bytes, damaged: bytearray, number: int) -> bool:
    """A frame's descriptor has a bit that nobody uses, and one that takes the checksum away: all events are right."""
    return [*PieceReader(Piece(LINE, at(1), at(9), "segments"), [bytes(damaged)]).events()] == [
        *PieceReader(Piece(LINE, at(1), at(9), "segments"), [body]).events()
    ]


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_a_piece_that_is_cut_off_is_found(cut: int) -> None:
    body = frame(at(1), at(5), 3)
    with pytest.raises(Corrupt):
        read_through(Piece(LINE, at(1), at(5)), [body[:-cut]])


def test_a_piece_under_another_name_is_found() -> None:
    body = frame(at(1), at(5), 3)
    for piece in (
        Piece(LINE, at(1), at(6)),
        Piece(LINE, at(0), at(5)),
        Piece(type(LINE)(2, LINE.source), at(1), at(5)),
    ):
        with pytest.raises(Corrupt):
            read_through(piece, [body])


def test_a_frame_between_two_that_is_missing_is_found() -> None:
    body = frame(at(1), at(5), 3) + frame(at(7), at(9), 1)
    with pytest.raises(Corrupt, match="goes on at"):
        read_through(Piece(LINE, at(1), at(9), "segments"), [body])

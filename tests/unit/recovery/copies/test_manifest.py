"""A manifest says what was written, or says nothing."""

import pytest

from recovery.copies.manifest import Manifest
from recovery.errors import Corrupt
from tests.support.manifests import manifest

KEY = "postgres/full/x/manifest.json"


def test_what_was_written_is_read() -> None:
    made = manifest()
    assert Manifest.from_json(made.to_json(), key=KEY) == made


def test_one_flipped_byte_anywhere_is_found_or_says_the_same() -> None:  # fault 50
    made = manifest()
    body, found = made.to_json(), 0
    for place in range(len(body)):
        damaged = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        try:
            assert Manifest.from_json(damaged, key=KEY) == made, damaged
        except Corrupt as error:
            assert KEY in str(error)
            found += 1
    assert found > len(body) / 2  # the rest is layout


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"null", b"\xff", b'{"digest": 1}', b"[" * 100_000])
def test_what_is_no_manifest_is_refused_with_its_key(body: bytes) -> None:
    with pytest.raises(Corrupt, match=KEY):
        Manifest.from_json(body, key=KEY)

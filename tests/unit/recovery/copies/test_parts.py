"""A stream of any length fits S3's limits, and the memory it takes on its way fits the Pod."""

from collections.abc import Iterator

from recovery.copies.parts import (
    LARGEST_PART_BYTES,
    MOST_PARTS,
    OBJECT_BYTES,
    PARTS_IN_MEMORY_BYTES,
    SMALLEST_PART_BYTES,
    in_flight,
    part_size,
)
from recovery.site.capacity import BACKUP_MEBIBYTES, RUNNER

MEBIBYTE = 1024 * 1024


def sizes(total: int) -> Iterator[int]:
    offset = 0
    while offset < total:
        yield part_size(offset)
        offset += part_size(offset)


def test_one_tebibyte_needs_less_than_ten_thousand_parts_and_so_does_every_object() -> None:
    # An object ends when it has passed its size: by what the compressor and a part still hold, far below 1 GiB.
    for total in (2**40, OBJECT_BYTES + 2**30):
        assert len(list(sizes(total))) < MOST_PARTS


def test_parts_are_between_what_s3_allows_and_what_a_pod_can_hold() -> None:
    for size in sizes(OBJECT_BYTES):
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html: 5 MiB to 5 GiB
        assert 5 * MEBIBYTE <= SMALLEST_PART_BYTES <= size <= LARGEST_PART_BYTES
        assert in_flight(size) >= 1
        assert (in_flight(size) + 1) * size <= PARTS_IN_MEMORY_BYTES


def test_the_pod_has_room_for_a_backup_and_for_pg_basebackup_beside_it() -> None:
    assert PARTS_IN_MEMORY_BYTES < BACKUP_MEBIBYTES * MEBIBYTE
    assert RUNNER.mebibytes >= BACKUP_MEBIBYTES + 100

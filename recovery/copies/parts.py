"""How a stream of unknown length is cut for S3: into parts that grow to a limit, and into objects that end.

So the memory that an upload takes does not depend on how long it gets, and no object needs more parts than S3 allows.
"""

_MEBIBYTE = 1024 * 1024
# Of one object: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
MOST_PARTS = 10_000
SMALLEST_PART_BYTES = 8 * _MEBIBYTE
LARGEST_PART_BYTES = 112 * _MEBIBYTE
OBJECT_BYTES = 1024 * 1024 * _MEBIBYTE
"""A stream goes on in another object after about so many bytes: what `MOST_PARTS` of these sizes can hold."""
PARTS_IN_MEMORY_BYTES = 2 * LARGEST_PART_BYTES
"""All parts that an upload holds at any time: those on their way and the one being filled."""

_GROWTH = 128  # a part is at most 1/128 of what is before it: 112 MiB are reached at 14 GiB, after 467 parts
_MOST_IN_FLIGHT = 2  # more than that a backup's compressor does not fill


def part_size(offset: int) -> int:
    """Bytes of the part that starts `offset` bytes into its object."""
    return min(LARGEST_PART_BYTES, max(SMALLEST_PART_BYTES, offset // _GROWTH))


def in_flight(size: int) -> int:
    """How many parts may be on their way while the next one, of `size` bytes, is filled."""
    return min(_MOST_IN_FLIGHT, PARTS_IN_MEMORY_BYTES // size - 1)

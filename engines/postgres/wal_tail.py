"""Whether WAL goes on with a whole record at some position.

PostgreSQL takes any record that it cannot read for the end of its log, a damaged one too. At the true end there is no
record, or one of which not all was written: its header tells. Only the length of a record and the size of a page is
used, the same in every version so far: src/include/access/xlogrecord.h, xlog_internal.h.
"""

from collections.abc import Callable

from recovery.copies.log import segment_start

_PAGE, _SHORT_HEADER, _LONG_HEADER = 8192, 24, 40


def goes_on(read: Callable[[int, int], bytes], position: int, end: int, segment_bytes: int) -> bool:
    """Whether a whole record lies in the log between `position`, the end of another one, and `end`. `read` gives the
    bytes between two positions."""
    start = _content(position, segment_bytes)
    if start + 4 > end:
        return False
    size = int.from_bytes(read(start, start + 4), "little")
    if size == 0:  # nothing was written here; then there is nothing behind it either
        return any(read(start, min(end, segment_start(position, segment_bytes) + segment_bytes)))
    return _end(start, size, segment_bytes) <= end


def _content(position: int, segment_bytes: int) -> int:
    """Behind the page's header, if a page begins there."""
    if position % segment_bytes == 0:
        return position + _LONG_HEADER
    return position + _SHORT_HEADER if position % _PAGE == 0 else position


def _end(start: int, size: int, segment_bytes: int) -> int:
    """Where a record of `size` bytes ends that begins at `start`, with the headers of the pages it goes through."""
    position, left = start, size
    while left:
        position = _content(position, segment_bytes)
        step = min(left, _PAGE - position % _PAGE)
        position, left = position + step, left - step
    return position

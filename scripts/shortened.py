"""Long values, shortened so that what differs is still seen."""

from itertools import takewhile


def pair(old: str, new: str, room: int) -> tuple[str, str]:
    """Both values in `room` characters each: shortened around the place where they begin to differ."""
    start = sum(1 for _ in takewhile(lambda both: both[0] == both[1], zip(old, new, strict=False)))
    shown = short(old, start, room), short(new, start, room)
    return (old, new) if shown[0] == shown[1] and old != new else shown


def short(text: str, start: int, room: int) -> str:
    """The beginning, what is around `start`, and the end of `text`."""
    if len(text) <= room:
        return text
    third = room // 3
    tail = text[len(text) - third + 1 :]
    if start < third + third // 2 or start >= len(text) - third // 2:
        return f"{text[: room - third]}…{tail}"
    begin = min(start - third // 4, len(text) - 2 * third)
    return f"{text[: third - 1]}…{text[begin : begin + third]}…{tail}"

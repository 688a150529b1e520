"""Standard output and standard error, made so that printing never fails because of a character or a closed stream."""

import codecs
import os
import sys

_PLAIN = {
    "\N{HORIZONTAL ELLIPSIS}": "...",
    "\N{RIGHTWARDS ARROW}": "->",
    "\N{EN DASH}": "-",
    "\N{MODIFIER LETTER TURNED COMMA}": "'",  # of the Uzbek letters o\u02bb and g\u02bb
    "\N{MODIFIER LETTER APOSTROPHE}": "'",
    "\N{LEFT SINGLE QUOTATION MARK}": "'",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
}
_ASCII = str.maketrans(_PLAIN)


def make_printable() -> None:
    """No character can fail to be printed; a stream that was closed by whoever started us swallows everything."""
    codecs.register_error("dr-printable", _printable)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123  (it stays open)
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="dr-printable")


def complain(message: str) -> None:
    """A message on standard error, if anybody can take it; the exit code says it in any case."""
    try:
        sys.stderr.write(f"dr: {message}\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        return


def forget_output() -> None:
    """What could not be written would be tried once more, and complained about, while Python ends."""
    try:
        sys.stdout.flush()
    except OSError:
        with open(os.devnull, "w", encoding="utf-8") as nothing:  # noqa: PTH123
            os.dup2(nothing.fileno(), sys.stdout.fileno())


def _printable(error: UnicodeError) -> tuple[str, int]:
    """What a terminal that lacks a letter shows instead: an ASCII likeness, or its number."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    plain = error.object[error.start : error.end].translate(_ASCII)
    return plain.encode("ascii", "backslashreplace").decode("ascii"), error.end

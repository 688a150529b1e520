"""What `dr` says of an error that is none of its own. Standard library only, as `scripts.outermost`."""

import errno
import os
from types import TracebackType

DEBUG = "DR_DEBUG"
"""Set to anything, it shows the traceback of an error that nobody foresaw."""
_UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG)
_ROOT = __file__.rpartition("scripts")[0]


def of_os_error(error: OSError) -> str:
    """What to say of an error of the operating system; nothing where nobody listens."""
    if isinstance(error, BrokenPipeError):  # whoever reads us has seen enough
        return ""
    if error.errno in _UNWRITABLE and not error.filename:
        advice = "make room where the output (or TMPDIR) is, and run the command again"
        return f"cannot write: {error.strerror}\nNext: {advice}"
    if error.filename:
        advice = "see that it exists, that this user may use it, and that there is room; then run the command again"
        return f"{os.fsdecode(error.filename)}: {error.strerror}\nNext: {advice}"
    return defect(error)


def defect(error: Exception) -> str:
    """Type and place, never the exception's own text: it may hold what nobody should read."""
    if os.environ.get(DEBUG):
        from traceback import format_exception

        return "".join(format_exception(error)).rstrip()
    where = _place(error.__traceback__)
    return (
        f"this is a defect of dr: {type(error).__name__} at {where}\n"
        f"Next: run it again with {DEBUG}=1, which shows the traceback, and report that"
    )


def _place(trace: TracebackType | None) -> str:
    """The innermost line of ours."""
    where = "an unknown place"
    while trace is not None:
        code = trace.tb_frame.f_code
        ours = code.co_filename.removeprefix(_ROOT)
        # Below us may be an environment with packages; and when installed, we are in one ourselves.
        if ours != code.co_filename and "site-packages" not in ours:
            where = f"{ours} line {trace.tb_lineno}, in {code.co_name}"
        trace = trace.tb_next
    return where

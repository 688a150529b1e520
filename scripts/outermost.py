"""The outermost edge of `dr`: whatever happens inside, one message and one documented exit code come out.

Standard library only: everything else is imported inside `run`, where an interruption is already handled.
"""

import errno
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

from recovery.errors import EXIT_FAILED, EXIT_UNKNOWN, EXIT_USAGE, DrError
from scripts import streams

DEBUG = "DR_DEBUG"
"""Set to anything, it shows the traceback of an error that nobody foresaw."""
MONITORS = ("status", "check")
"""Commands whose exit code is what they found. An error that ends one proves nothing about what was to be looked at."""
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG)
_Handler = Callable[[int, FrameType | None], Any]
_ROOT = __file__.rpartition("scripts")[0]


class ExitWith(Exception):
    """Ends the command with `code` without a message: for monitors, whose result is their exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Ended(BaseException):
    """A signal asked this process to end; raised where it was, so that what is open is closed on the way out."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def run(arguments: list[str] | None) -> int:
    """Run `dr` with `arguments` (None: the process's own); returns the exit code."""
    streams.make_printable()
    with _signals(dict.fromkeys(_ENDING, _leave), for_good=arguments is None):
        words = sys.argv[1:] if arguments is None else arguments
        of_an_error = EXIT_UNKNOWN if words[:1] and words[0] in MONITORS else None
        code, message = _outcome(lambda: _call(arguments), of_an_error)
        try:
            sys.stdout.flush()
        except OSError as error:
            code, message = of_an_error or EXIT_FAILED, _of_os_error(error)
        if message:
            streams.complain(message)
        if code in (EXIT_FAILED, EXIT_UNKNOWN):
            streams.forget_output()
    return code


@contextmanager
def interruptible() -> Iterator[None]:
    """While a command runs: Ctrl-C raises KeyboardInterrupt, SIGTERM and SIGHUP raise Ended."""
    with _signals({signal.SIGINT: signal.default_int_handler, signal.SIGTERM: _end, signal.SIGHUP: _end}):
        yield


def _call(arguments: list[str] | None) -> int:
    from scripts.commands import program

    program().main(args=arguments, prog_name="dr")
    return 0


def _outcome(call: Callable[[], int], of_an_error: int | None) -> tuple[int, str]:
    """The exit code, and what is to be said, if anything. `of_an_error`: instead of an error's own code."""
    try:
        return call(), ""
    except DrError as error:
        return of_an_error or error.exit_code, str(error)
    except ExitWith as wanted:
        return wanted.code, ""
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else (of_an_error or EXIT_FAILED) if end.code else 0
        # The command-line library ends with 2 for a usage error and 130 after Ctrl-C; 2 means "refused" with us.
        return (EXIT_USAGE if code == 2 else code), ""
    except KeyboardInterrupt:
        return 130, ""
    except Ended as end:
        return 128 + end.number, f"ended by {signal.Signals(end.number).name}"
    except OSError as error:
        return of_an_error or EXIT_FAILED, _of_os_error(error)
    except Exception as error:  # noqa: BLE001  (the one place: nobody is left to catch it)
        return of_an_error or EXIT_FAILED, _defect(error)


def _of_os_error(error: OSError) -> str:
    if isinstance(error, BrokenPipeError):  # whoever reads us has seen enough
        return ""
    if error.errno in _UNWRITABLE and not error.filename:
        advice = "make room where the output (or TMPDIR) is, and run the command again"
        return f"cannot write: {error.strerror}\nNext: {advice}"
    if error.filename:
        advice = "see that it exists, that this user may use it, and that there is room; then run the command again"
        return f"{os.fsdecode(error.filename)}: {error.strerror}\nNext: {advice}"
    return _defect(error)


def _defect(error: Exception) -> str:
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


@contextmanager
def _signals(handlers: dict[signal.Signals, _Handler], *, for_good: bool = False) -> Iterator[None]:
    """Handle signals that are not ignored (nohup), and put back what was there, unless the process ends here."""
    before: dict[signal.Signals, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for number, handler in handlers.items():
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                before[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        if not for_good:
            for number, handler in before.items():
                signal.signal(number, handler)


def _leave(number: int, _frame: FrameType | None) -> None:
    """At once: nothing was begun, and there is no clean way out of half an import."""
    os._exit(128 + number)


def _end(number: int, _frame: FrameType | None) -> None:
    raise Ended(number)

"""The outermost edge of `dr`: whatever happens inside, one message and one documented exit code come out.

Standard library only: everything else is imported inside `run`, where an interruption is already handled.
"""

import os
import signal
import sys
from collections.abc import Callable

from recovery.errors import EXIT_FAILED, EXIT_UNKNOWN, EXIT_USAGE, DrError
from scripts import streams
from scripts.complaints import defect, of_os_error
from scripts.interruption import Ended, ending_at_once

MONITORS = ("status", "check")
"""Commands whose exit code is what they found. An error that ends one proves nothing about what was to be looked at."""


class ExitWith(Exception):
    """Ends the command with `code` without a message: for monitors, whose result is their exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def run(arguments: list[str] | None) -> int:
    """Run `dr` with `arguments` (None: the process's own); returns the exit code."""
    # Not ours: pydantic would look through every installed package for plugins, 30 ms, and run what it finds.
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"
    words = sys.argv[1:] if arguments is None else arguments
    of_an_error = EXIT_UNKNOWN if words[:1] and words[0] in MONITORS else None
    return ending_in_words(lambda: _call(arguments), of_an_error, for_good=arguments is None)


def ending_in_words(call: Callable[[], int], of_an_error: int | None = None, *, for_good: bool = True) -> int:
    """What `call` returns, or the exit code of what it raised, which is said in words. `of_an_error`: instead of an
    error's own code; `for_good`: the process ends after it."""
    streams.make_printable()
    with ending_at_once(for_good=for_good):
        code, message = _outcome(call, of_an_error)
        try:
            sys.stdout.flush()
        except OSError as error:
            code, message = of_an_error or EXIT_FAILED, of_os_error(error)
        if message:
            streams.complain(message)
        if code in (EXIT_FAILED, EXIT_UNKNOWN):
            streams.forget_output()
    return code


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
        return of_an_error or EXIT_FAILED, of_os_error(error)
    except Exception as error:  # noqa: BLE001  (the one place: nobody is left to catch it)
        return of_an_error or EXIT_FAILED, defect(error)

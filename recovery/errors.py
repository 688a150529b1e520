"""Every failure the `dr` command words itself.

    DrError
    ├── Refused            2  nothing was changed; the message says what to do instead
    │   ├── PlanError          the plan or the configuration is wrong (all places at once)
    │   ├── LeaseRefused       the site lease says no
    │   ├── FullInstead        an incremental has nothing to build on, a full can be made
    │   └── Unchanged          there is nothing to be done, which is well
    ├── Failed             1  something was begun or could not be reached; running again resumes
    │   ├── Unreachable        no answer: proves nothing about the other side
    │   │   └── Silent             not even a refused connection
    │   └── Ambiguous          the effect may or may not have happened
    └── Corrupt            1  a copy does not match its manifest

The number is the process's exit code; 64 is a usage error. Monitors (`dr status`, `dr check …`) end with what they
found: 0 ok, 1 warning, 2 critical, 3 unknown; there every error is 3.
"""

from collections.abc import Sequence

EXIT_DONE, EXIT_FAILED, EXIT_REFUSED, EXIT_USAGE = 0, 1, 2, 64
EXIT_UNKNOWN = 3  # of a monitor


class DrError(Exception):
    """What went wrong, the state found, and `next_step`: what the person reading it should do."""

    exit_code = EXIT_FAILED

    def __init__(self, what: str, *, next_step: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.what}\nNext: {self.next_step}" if self.next_step else self.what


class Refused(DrError):
    """Raised before any effect: the request is wrong or unsafe in the state that was found."""

    exit_code = EXIT_REFUSED


class PlanError(Refused):
    """The plan or a stack's configuration is invalid; `problems` names every place."""

    def __init__(self, source: str, problems: Sequence[str], *, next_step: str = "") -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        listing = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(
            f"{source}: {count} problem{'s' if count != 1 else ''}\n{listing}",
            next_step=next_step or f"correct {source} and run the command again",
        )


class LeaseRefused(Refused):
    """The site lease does not allow it: held by the other site, not initialised, or moved since it was read."""


class FullInstead(Refused):
    """An incremental backup is not to be made, for this reason; a full one is."""


class Unchanged(Refused):
    """Nothing has changed since the last backup, so there is nothing to copy. No fault."""


class Failed(DrError):
    """An effect was begun and did not finish; the same command resumes."""


class Unreachable(Failed):
    """Something outside did not answer. It is UNKNOWN, never fine and never dead."""


class Silent(Unreachable):
    """Nothing came back, not even a refused connection: a network policy does so, and a dead host."""


class Ambiguous(Failed):
    """A request was sent and its answer lost; settle it by a strongly consistent read."""


class Corrupt(Failed):
    """A copy's bytes do not match what its manifest promises."""

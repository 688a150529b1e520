"""The one error of the set-up."""


class SetupError(Exception):
    """Raised when a part cannot be had on this machine; the message says what, the state found and what to do next."""

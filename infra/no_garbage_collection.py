"""Switches Python's garbage collector off: the program lives for seconds, and collecting takes a tenth of them."""

import atexit
import gc


def rest() -> None:
    """Collect nothing while the program runs, and nothing at its end. Called before the providers' SDKs load.

    They are thousands of classes that live as long as the program: collecting while they load finds nothing and takes
    a tenth to a fifth of the program's time, and Python's last collection at exit as much again.
    """
    gc.disable()
    atexit.register(gc.freeze)

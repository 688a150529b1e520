"""The kernel's timer that kills this process at the deadline, whether or not any code of it still runs."""

import ctypes
import os
import time

_CLOCK_BOOTTIME = 7
_SIGEV_SIGNAL, _SIGKILL, _TIMER_ABSTIME = 0, 9, 1


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


class _Sigevent(ctypes.Structure):
    """struct sigevent is 64 bytes; only its head is used here. https://man7.org/linux/man-pages/man3/sigevent.3type.html"""

    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signal", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("padding", ctypes.c_char * 48),
    )


def boottime() -> float:
    """Seconds of CLOCK_BOOTTIME: not settable, goes on during suspend."""
    return time.clock_gettime(_CLOCK_BOOTTIME)


class DeadlineTimer:
    """timer_create(CLOCK_BOOTTIME) with SIGKILL, which a stopped or starved process receives as well.

    The kernel drops a SIGKILL that a process 1 of a PID namespace sends to itself, a timer's included
    (https://man7.org/linux/man-pages/man7/pid_namespaces.7.html): `operations.guard.process_one` keeps the guard from
    being one.
    """

    def __init__(self) -> None:
        if os.getpid() == 1:
            raise RuntimeError("process 1 of a PID namespace cannot be killed by its own timer")
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._timer = ctypes.c_void_p()
        event = _Sigevent(signal=_SIGKILL, notify=_SIGEV_SIGNAL)
        self._check(self._libc.timer_create(_CLOCK_BOOTTIME, ctypes.byref(event), ctypes.byref(self._timer)))

    def arm(self, until: float) -> None:
        """Kill this process at `until` (seconds of `boottime`) unless armed anew or disarmed before."""
        self._set(int(until), int(until % 1 * 1e9))

    def disarm(self) -> None:
        """No deadline: the gate is closed."""
        self._set(0, 0)

    def _set(self, seconds: int, nanoseconds: int) -> None:
        spec = _Itimerspec(value=_Timespec(seconds, nanoseconds))
        self._check(self._libc.timer_settime(self._timer, _TIMER_ABSTIME, ctypes.byref(spec), None))

    @staticmethod
    def _check(result: int) -> None:
        if result != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

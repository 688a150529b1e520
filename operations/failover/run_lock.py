"""One promotion at a time: the claim in the control table, which beats while its holder lives."""

import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from recovery.errors import DrError, Failed, Refused
from recovery.ports.control_table import RunClaim, RunStore

BEAT_SECONDS = 1.0
DEAD_AFTER_SECONDS = 4 * BEAT_SECONDS
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """Of this machine; another after a reboot."""
    return _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else ""


def own_claim(run: str) -> RunClaim:
    """What this process says of itself."""
    return RunClaim(run=run, holder=f"{socket.gethostname()}:{os.getpid()}", boot_id=boot_id(), beat=0)


def is_dead(
    store: RunStore,
    claim: RunClaim,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Whether the claim's holder is gone: at once when it was a process of this machine that does not exist, else
    after its beat did not move for DEAD_AFTER_SECONDS of watching. Raises Unreachable."""
    if _process_is_gone(claim):
        return True
    start = clock()
    while clock() - start < DEAD_AFTER_SECONDS:
        sleep(BEAT_SECONDS / 4)
        if store.claim() != claim:
            return False
    return True


def _process_is_gone(claim: RunClaim) -> bool:
    host, _, pid = claim.holder.rpartition(":")
    if host != socket.gethostname() or not pid.isdigit():
        return False
    return claim.boot_id != boot_id() or not Path(f"/proc/{pid}").exists()


class Claim:
    """A claim that beats in a thread. `check` raises once somebody else has it."""

    def __init__(self, store: RunStore, run: str) -> None:
        self._store = store
        self.claim = own_claim(run)
        self._lost = ""
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="claim", daemon=True)

    def take(self, seen: RunClaim | None) -> None:
        """Write it in place of `seen`, which must be dead. Raises Refused naming who was faster."""
        self._store.put_claim(self.claim, seen=seen)
        self._thread.start()

    def check(self) -> None:
        """Raises Failed when another operator took over because this process seemed dead."""
        if self._lost:
            raise Failed(self._lost, next_step="follow the other run with `dr status`")

    def release(self) -> None:
        """Stop beating and give it back."""
        self._end.set()
        if self._thread.is_alive():
            self._thread.join()
        try:
            self._store.release(self.claim)
        except DrError:
            return  # it ends by itself when it no longer beats

    def _beat(self) -> None:
        while not self._end.wait(BEAT_SECONDS):
            following = replace(self.claim, beat=self.claim.beat + 1)
            try:
                self._store.put_claim(following, seen=self.claim)
            except Refused as error:
                self._lost = f"this run is no longer ours: {error.what}"
                return
            except DrError:
                continue  # no answer: the other side may still see the beat before; try again
            self.claim = following

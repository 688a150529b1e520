"""What a server in the DR cluster is to be restored to, and how far its Pod is: said in a ConfigMap, read from it.

The server beside the standby is one, the standby itself another.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Stage = Literal["waiting", "restoring", "starting", "ready", "ending"]
WORDS: dict[Stage, str] = {
    "waiting": "waiting for a place and a disk",
    "restoring": "restoring",
    "starting": "restored; the server starts",
    "ready": "the server answers",
    "ending": "ending",
}


@dataclass(frozen=True, kw_only=True)
class ServerOrder:
    """`asked` in somebody's words, for example a time; `to` the point that it was when they asked, empty for the newest
    there is. `accepts`: the version whose incremental backups are trusted (`recovery.copies.chain`). `replaces`: the
    claim's uid of the disk whose data are not wanted any more, empty where there is none."""

    asked: str
    to: str
    at: datetime
    accepts: str = ""
    replaces: str = ""


@dataclass(frozen=True, kw_only=True)
class ServerPod:
    """One Pod. `problem`: why it waits, or the last words of what failed in it (`failed`) and is tried again."""

    stage: Stage
    address: str = ""
    problem: str = ""
    failed: bool = False

    @property
    def words(self) -> str:
        """How far it is, for people."""
        return ": ".join(filter(None, (WORDS[self.stage], self.problem)))

"""Where all of the lab's Python processes keep their byte code: compiled once a user, whatever environment they get.

A process with an environment of its own (a plugin, a Pod, a node agent) would compile the SDKs anew, or write beside
the sources.
"""

import os
from pathlib import Path


def environment() -> dict[str, str]:
    """What such a process needs of ours."""
    return {"PYTHONPYCACHEPREFIX": str(_cache() / "pycache")}


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ultramarket-lab"

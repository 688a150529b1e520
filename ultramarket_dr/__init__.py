"""Where `dr` starts when it is installed.

A wheel has all rooms inside this folder: names such as `scripts` or `policy` would clash with anybody's in
site-packages. The program puts the folder on its own path. In a checkout the rooms lie beside it.
"""

import sys

_ROOMS = __file__.rpartition("/")[0]


def main() -> None:
    """Run `dr` and end the process with its exit code."""
    sys.path.insert(0, _ROOMS)
    from scripts.dr import main as run

    run()

"""A volume's group, applied as kubelet applies `fsGroup`.

The rule is that of pkg/volume/volume_linux.go in Kubernetes: at every mount all of the volume goes to the group, which
may read and write it, and what is made in its folders later goes to the group as well. With OnRootMismatch that is
left out when the volume's root is right already. Only claims know that policy, with a driver such as EBS's
(fsGroupPolicy File); an emptyDir, a ConfigMap or a Secret is new for each Pod, and the last two are only read.
"""

import os
import stat
from pathlib import Path

_READ, _WRITE = stat.S_IRGRP, stat.S_IWGRP
_IN_FOLDERS = stat.S_ISGID | stat.S_IXGRP
ON_ROOT_MISMATCH = "OnRootMismatch"


def give_to_group(root: Path, group: int, *, policy: str = "Always", writable: bool = True) -> None:
    """Apply it to `root` and everything in it, links themselves but never what they lead to. Somebody else than root
    may not give files away: then they keep their group, and the modes alone change."""
    group = group if os.getuid() == 0 else root.stat().st_gid
    uses = _READ | _WRITE if writable else _READ
    if policy == ON_ROOT_MISMATCH and _is_right(root, group, uses):
        return
    for folder, _, files in os.walk(root):
        for path in (Path(folder), *(Path(folder) / name for name in files)):
            _give(path, group, uses)


def _is_right(root: Path, group: int, uses: int) -> bool:
    found, wanted = root.stat(), uses | _IN_FOLDERS
    return found.st_gid == group and found.st_mode & wanted == wanted


def _give(path: Path, group: int, uses: int) -> None:
    found = path.lstat()
    if found.st_gid != group:
        os.chown(path, -1, group, follow_symlinks=False)
    if not stat.S_ISLNK(found.st_mode):
        more = uses | (_IN_FOLDERS if stat.S_ISDIR(found.st_mode) else 0)
        path.chmod(stat.S_IMODE(found.st_mode) | more)

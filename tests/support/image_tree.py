"""The runner's image as far as it can be had without a container engine.

The same: `dr` installed by the image's own script at the image's own place, the image's user with its passwd entry, no
capability, every file system read-only but /tmp, an environment that holds nothing else.
Not the same: what the image takes from Debian and PGDG (system, Python, HAProxy, PostgreSQL's programs) is this
machine's or the set-up's.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from lab.machine.binaries import copy_postgres, find
from lab.machine.processes import HUNG_SECONDS
from tests.support.plans import ROOT
from tools.setup import debian

UID = 10001
# In a mount namespace of its own, where it may mount: $1 becomes /opt. The interpreter behind the environment may lie
# where nobody else gets to, so it is shown under the same name in an empty folder of its own.
_SHOW = """
set -eu
tree=$1 base=$2; shift 2
mount --bind "$tree" /opt
"""
_CLOSE = """
mount --bind /opt/passwd /etc/passwd
mount --bind "$base" /opt/python
case "$base" in
/usr | /usr/*) ;;
*)
    top=/$(echo "$base" | cut -d / -f 2)
    mount -t tmpfs -o mode=755 tmpfs "$top"
    mkdir -p "$base"
    mount --bind /opt/python "$base"
    ;;
esac
mount -t tmpfs -o mode=1777 tmpfs /tmp
cut -d ' ' -f 5 /proc/self/mountinfo | while read -r place; do
    case "$place" in /tmp | /proc* | /sys* | /dev*) ;; *) mount -o remount,bind,ro "$place" ;; esac
done
cd /tmp
"""
_RUN = 'exec "$@"'


@dataclass(frozen=True)
class ImageTree:
    """`folder` is what the image has in /opt."""

    folder: Path

    @classmethod
    def build(cls, folder: Path) -> "ImageTree":
        """Install `dr` as the image does, with the interpreter of this environment and, if it is enough, uv's cache."""
        tree = cls(folder)
        (folder / "python").mkdir()
        postgres = copy_postgres(folder / "postgresql")
        _haproxy(folder / "haproxy")
        account = f"dr:x:{UID}:{UID}::/tmp:/bin/bash\n"
        (folder / "passwd").write_text(Path("/etc/passwd").read_text() + account)
        (folder / "path").write_text(f"/opt/dr/bin:/opt/{postgres.bin.relative_to(folder)}:/opt/haproxy:/usr/bin:/bin")
        kept = {
            name: os.environ[name] for name in ("HOME", "PATH", "UV_CACHE_DIR", "XDG_CACHE_HOME") if name in os.environ
        }
        uv = shutil.which("uv") or str(ROOT / ".venv" / "bin" / "uv")
        env = {**kept, "UV": uv, "UV_PYTHON": f"{sys.base_prefix}/bin/python3"}
        install = ("sh", str(ROOT / "images" / "runner" / "install-dr.sh"), "/opt/dr")
        for attempt in ({"UV_OFFLINE": "1"}, {}):
            done = tree._inside(_SHOW + f"cd {ROOT}\n" + _RUN, install, {**env, **attempt})
            if done.returncode == 0:
                return tree
        raise AssertionError(f"the image's script does not install dr:\n{done.stdout}{done.stderr}")

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """A command as a Pod of the image runs it."""
        env = ["env", "-i", f"PATH={(self.folder / 'path').read_text()}", "LANG=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1"]
        given = [f"{name}={value}" for name, value in environment.items()]
        if os.getuid() == 0:
            become = [f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "--no-new-privs", "--bounding-set=-all"]
            drop = ["setpriv", *become]
        else:
            drop = ["unshare", "--user", f"--map-user={UID}", f"--map-group={UID}", "setpriv", "--no-new-privs"]
        return self._inside(_SHOW + _CLOSE + _RUN, (*drop, *env, *given, *command), {"PATH": os.environ["PATH"]})

    def _inside(self, script: str, command: tuple[str, ...], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
        start = [*unshare(), "sh", "-c", script, "image", str(self.folder), sys.base_prefix, *command]
        return subprocess.run(start, env=env, capture_output=True, text=True, timeout=HUNG_SECONDS, check=False)


def unshare() -> list[str]:
    """Starts a command in mounts of its own; whoever is not root is root only there."""
    mounts = ["unshare", "--mount", "--propagation", "private"]
    return mounts if os.getuid() == 0 else [*mounts, "--user", "--map-root-user"]


def missing() -> str:
    """Why this machine cannot run it; empty when it can."""
    if not all(shutil.which(name) for name in ("unshare", "setpriv", "mount")) or not Path("/opt").is_dir():
        return "no unshare, setpriv, mount (util-linux) or no folder /opt"
    tried = subprocess.run(
        [*unshare(), "mount", "-t", "tmpfs", "tmpfs", "/opt"], capture_output=True, timeout=HUNG_SECONDS
    )
    return "" if tried.returncode == 0 else "the kernel gives this user no mounts of its own"


def _haproxy(folder: Path) -> None:
    """The set-up's HAProxy, or the machine's, as /opt/haproxy/haproxy."""
    found = find().haproxy
    folder.mkdir()
    unpacked = found.parent / "root"
    if unpacked.is_dir():  # Debian's package, unpacked by the set-up
        shutil.copytree(unpacked, folder / "root", symlinks=True)
        (folder / "haproxy").write_text(debian.wrapper(folder / "root", "usr/sbin/haproxy", "/opt/haproxy/root"))
        (folder / "haproxy").chmod(0o755)
    else:
        (folder / "haproxy").symlink_to(found.resolve())

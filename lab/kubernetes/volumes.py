"""A Pod's volumes as directories of this machine, and the translation of paths into them.

There is no chroot: a container sees the machine's file system. So wherever a container's command, args or declared
environment names one of its mount paths, at a path boundary, the volume's directory is put in its place (the longest
mount path wins, nothing is replaced twice). What is inside files, of a ConfigMap say, is not touched.
ConfigMaps and Secrets are written when the Pod starts and do not follow later changes.
"""

import os
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from lab.kubernetes.api import Object
from lab.kubernetes.environment import Fetch, MissingSourceError, contents, field
from lab.kubernetes.ownership import give_to_group

TokenRequest = Callable[[Object], str]
"""Asks for a service account's token: (the `serviceAccountToken` source) → token."""


class PodVolumes:
    """Directories of one Pod's volumes.

    `home` is the Pod's own directory and goes with it; claims lie under `claims` and stay.
    """

    def __init__(self, home: Path, claims: Path, pod: Object) -> None:
        self.home, self._claims, self._pod = home, claims, pod
        self._folders: dict[str, Path] = {}

    def claimed(self, name: str, uid: str) -> None:
        """The volume of the claim `name` is that of `uid`: what lies there of another one of this name is moved aside,
        as a volume that is retained stays when its claim goes."""
        self._claims.mkdir(parents=True, exist_ok=True)
        folder, owner = self._claims / name, self._claims / f".{name}.uid"
        before = owner.read_text() if owner.exists() else ""
        if before not in ("", uid) and folder.exists():
            folder.rename(self._claims / f"{name}.{before}")
        owner.write_text(uid)

    def prepare(self, owners: Mapping[str, int], fetch: Fetch, token: TokenRequest) -> None:
        """Make and fill every volume; `owners` gives the uid a volume belongs to. With an `fsGroup` they are given to
        that uid's group, as kubelet does with the group of the number declared: uids are the image's own here as well.
        Raises MissingSourceError."""
        for folder in (self.home, self.home / "home", self.home / "tmp"):
            folder.mkdir(parents=True, exist_ok=True)
        _own(self.home / "home", owners.get(""))
        _own(self.home / "tmp", owners.get(""))
        security = self._pod["spec"].get("securityContext") or {}
        for volume in self._pod["spec"].get("volumes", []):
            name = volume["name"]
            self._folders[name] = folder = self._folder(volume)
            folder.mkdir(parents=True, exist_ok=True)
            _own(folder, owners.get(name))
            for path, data, mode in _files(volume, self._pod, fetch, token):
                _write(folder, path, data, mode, owners.get(name))
            if "fsGroup" in security:
                policy = (
                    security.get("fsGroupChangePolicy", "Always") if "persistentVolumeClaim" in volume else "Always"
                )
                writable = bool(volume.keys() & {"emptyDir", "persistentVolumeClaim", "ephemeral"})
                give_to_group(folder, folder.stat().st_uid, policy=policy, writable=writable)

    def hand_over(self) -> None:
        """What init containers have made goes to the volume's owner: as in a cluster, where a Pod's containers are one
        user as a rule. Here the runner's programs are the lab's own, which another user may not reach."""
        for folder in self._folders.values():
            owner = folder.stat().st_uid
            for parent, folders, files in os.walk(folder):
                for name in (*folders, *files):
                    path = Path(parent) / name
                    if os.getuid() == 0 and path.lstat().st_uid == 0:
                        os.chown(path, owner, owner, follow_symlinks=False)

    def _folder(self, volume: Object) -> Path:
        claim = volume.get("persistentVolumeClaim")
        return self._claims / claim["claimName"] if claim else self.home / volume["name"]

    def mounts(self, container: Object) -> dict[str, str]:
        """Mount path → directory (or file, with a subPath) for one container."""
        found: dict[str, str] = {}
        for mount in container.get("volumeMounts", []):
            folder = self._folders[mount["name"]]
            if mount.get("subPath"):
                inner = folder / mount["subPath"]
                if not inner.exists():
                    inner.mkdir(parents=True)
                    _own(inner, folder.stat().st_uid)
                folder = inner
            found[mount["mountPath"].rstrip("/")] = str(folder)
        return found

    def remove(self) -> None:
        """Delete what belongs to the Pod alone."""
        shutil.rmtree(self.home, ignore_errors=True)


def translate(text: str, mounts: Mapping[str, str]) -> str:
    """Put host directories in the place of mount paths (see the module's docstring)."""
    if not mounts:
        return text
    longest_first = "|".join(re.escape(path) for path in sorted(mounts, key=len, reverse=True))
    pattern = rf"(?:(?<![\w./-])|(?<=://))(?:{longest_first})(?=$|[^\w.-])"
    return re.sub(pattern, lambda match: mounts[match.group(0)], text)


def _files(volume: Object, pod: Object, fetch: Fetch, token: TokenRequest) -> list[tuple[str, bytes, int]]:
    if "configMap" in volume:
        return _selected("configmaps", volume["configMap"], fetch)
    if "secret" in volume:
        return _selected("secrets", volume["secret"], fetch)
    if "downwardAPI" in volume:
        return _fields(volume["downwardAPI"], pod)
    if "projected" in volume:
        return [file for source in volume["projected"]["sources"] for file in _projected(source, pod, fetch, token)]
    if volume.keys() & {"emptyDir", "persistentVolumeClaim", "ephemeral"}:
        return []
    kind = ", ".join(volume.keys() - {"name"})
    raise MissingSourceError(f"volume {volume['name']}: {kind} is not known to the lab's node agent")


def _projected(source: Object, pod: Object, fetch: Fetch, token: TokenRequest) -> list[tuple[str, bytes, int]]:
    if "serviceAccountToken" in source:
        wanted = source["serviceAccountToken"]
        return [(wanted["path"], token(wanted).encode(), 0o600)]
    return _files({"name": "projected", **source}, pod, fetch, token)


def _selected(kind: str, source: Object, fetch: Fetch) -> list[tuple[str, bytes, int]]:
    found = contents(kind, source, fetch)
    # A Secret is never readable for others here: without containers, others are everybody on the machine.
    mask = 0o700 if kind == "secrets" else 0o777
    default = source.get("defaultMode", 0o644)
    if not source.get("items"):
        return [(key, data, default & mask) for key, data in found.items()]
    missing = [item["key"] for item in source["items"] if item["key"] not in found]
    if missing and not source.get("optional"):
        raise MissingSourceError(f"{kind} {source.get('name') or source['secretName']} has no key {missing[0]}")
    return [
        (item["path"], found[item["key"]], item.get("mode", default) & mask)
        for item in source["items"]
        if item["key"] in found
    ]


def _fields(source: Object, pod: Object) -> list[tuple[str, bytes, int]]:
    return [(item["path"], field(pod, item["fieldRef"]["fieldPath"]).encode(), 0o644) for item in source["items"]]


def _write(folder: Path, path: str, data: bytes, mode: int, owner: int | None) -> None:
    target = folder / path
    if not target.resolve().is_relative_to(folder.resolve()):
        raise MissingSourceError(f"path {path} leaves its volume")
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(data)
    draft.chmod(mode)
    _own(draft, owner)
    draft.replace(target)


def _own(path: Path, owner: int | None) -> None:
    if owner is not None and os.getuid() == 0 and path.stat().st_uid != owner:
        os.chown(path, owner, owner)

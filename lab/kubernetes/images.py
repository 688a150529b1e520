"""What runs an image in the lab: without a container runtime, an image's repository maps to programs of this machine.

The lab writes the mapping to a JSON file and the node agent reads it when it starts a container. A repository that
is not in the file is what it would be in a cluster: ErrImagePull.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Image:
    """How an image is run.

    path: directories put before /usr/bin and /bin. env: what the image itself would set; declared variables win.
    uid: numeric user of its processes when the lab runs as root (None: as the lab itself; PostgreSQL refuses root).
    entrypoint: the program when a container declares no `command`.
    stop_signal: what asks it to end, as an image's STOPSIGNAL does.
    """

    path: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    uid: int | None = None
    entrypoint: tuple[str, ...] = ()
    stop_signal: str = "SIGTERM"


def repository(reference: str) -> str:
    """The image's name without digest and tag: `host:5000/a/b:1@sha256:…` gives `host:5000/a/b`."""
    name = reference.partition("@")[0]
    folder, slash, last = name.rpartition("/")
    return f"{folder}{slash}{last.partition(':')[0]}"


def write_images(path: Path, images: Mapping[str, Image]) -> None:
    """Write the mapping from repository to image; readers see the old file or the new one, never half of it."""
    text = json.dumps({name: asdict(image) for name, image in images.items()}, indent=1)
    draft = path.with_suffix(".new")
    draft.write_text(text)
    draft.replace(path)


def read_images(path: Path) -> dict[str, Image]:
    """Read what `write_images` wrote."""
    return {
        name: Image(
            path=tuple(raw.get("path", ())),
            env=raw.get("env", {}),
            uid=raw.get("uid"),
            entrypoint=tuple(raw.get("entrypoint", ())),
            stop_signal=raw.get("stop_signal", "SIGTERM"),
        )
        for name, raw in json.loads(path.read_text()).items()
    }

"""Tries to get past both gates, as `dr check wall` does it for anybody."""

import json
from typing import Any

from lab.machine.addresses import POSTGRES_PORT
from lab.world import World

_NOT_KNOWN = {"state": "UNKNOWN", "words": "the command printed nothing"}


def check(world: World) -> dict[str, Any]:
    """By site: the command's own word (OK, FAIL, UNKNOWN) and the database's. The DR site's is found in the bundle."""
    ways = {"prod": ("--database", f"{world.block.primary}:{POSTGRES_PORT}"), "dr": ()}
    asked = {
        site: world.later(world.dr_command, "check", "wall", "--site", site, "--json", *way)
        for site, way in ways.items()
    }
    said = {site: json.loads(done.result().stdout or json.dumps(_NOT_KNOWN)) for site, done in asked.items()}
    return {site: {key: found[key] for key in ("state", "words")} for site, found in said.items()}

"""The two sites. In a file of its own, which loads no models: what only has to name a site needs no plan for it."""

from typing import Literal

SITES = ("prod", "dr")
SiteName = Literal["prod", "dr"]

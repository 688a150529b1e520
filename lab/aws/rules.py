"""Who can reach what: the rules that the lab sets and that fronts and replicator obey.

The rules are one JSON file, replaced atomically. A reader looks at the file's identity before each decision, so a
rule is in force for every process the moment the call that set it returns, and a restarted reader knows it too.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

How = Literal["refused", "blackhole"]
EVERY = "*"


@dataclass(frozen=True)
class Cut:
    """One place cannot reach one region, or one service of it. `*` stands for every place or region."""

    place: str
    region: str
    how: How = "refused"
    service: str | None = None

    def applies(self, place: str, region: str, service: str) -> bool:
        return self.place in (EVERY, place) and self.region in (EVERY, region) and self.service in (None, service)


@dataclass(frozen=True)
class Drop:
    """The next matching request is executed and its answer lost. `ticket` makes it happen once."""

    ticket: str
    service: str
    operation: str
    place: str = EVERY


@dataclass(frozen=True)
class Rules:
    """Everything that is not as it should be; empty means everything is reachable."""

    gone: dict[str, How] = field(default_factory=dict)
    cuts: tuple[Cut, ...] = ()
    drops: tuple[Drop, ...] = ()

    def verdict(self, place: str, region: str, service: str) -> How | None:
        """How the attempt fails, or None when the region answers."""
        if region in self.gone:
            return self.gone[region]
        return next((cut.how for cut in self.cuts if cut.applies(place, region, service)), None)

    def reason(self, place: str, region: str, service: str) -> str | None:
        """`verdict` in words, for the record of attempts."""
        how = self.verdict(place, region, service)
        if how is None:
            return None
        return f"{'region gone' if region in self.gone else 'cut off'}: {how}"

    def dump(self) -> str:
        """The file's text."""
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def parse(cls, text: str) -> "Rules":
        """Raises KeyError or ValueError when the text is not what `dump` writes."""
        data: dict[str, Any] = json.loads(text) if text.strip() else {}
        return cls(
            gone=dict(data.get("gone", {})),
            cuts=tuple(Cut(**cut) for cut in data.get("cuts", ())),
            drops=tuple(Drop(**drop) for drop in data.get("drops", ())),
        )


class RuleFile:
    """The rules as they are now; re-read only when the file has been replaced."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._identity: tuple[int, int, int] | None = None
        self._rules = Rules()

    def now(self) -> Rules:
        """The rules in force; a missing file means none."""
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            return Rules()
        identity = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        if identity != self._identity:
            self._rules = Rules.parse(self.path.read_text())
            self._identity = identity
        return self._rules

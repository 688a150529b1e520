"""Which record answers a question: plain records, failover pairs, CNAME chains."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

STATIC_TTL = 60
MAX_CHAIN = 8
SOA_FIELDS = re.compile(r"[\w.-]+ [\w.-]+ \d+ \d+ \d+ \d+ \d+")
Code = Literal["NOERROR", "NXDOMAIN", "REFUSED"]


@dataclass(frozen=True)
class Record:
    """A declared record set. Names are lower case and without the final dot; `ttl` is in seconds."""

    name: str
    type: str
    ttl: int
    values: tuple[str, ...]
    failover: str | None = None
    health_check: str | None = None

    @classmethod
    def parse(cls, entry: Mapping[str, Any]) -> "Record | None":
        """From ListResourceRecordSets. None for an alias record: the lab's stacks have none, on purpose."""
        if "AliasTarget" in entry:
            return None
        values = [value["Value"] for value in entry.get("ResourceRecords", ())]
        if entry["Type"] == "SOA":
            # moto shows its zones' own SOA as the text of a dict.
            values = [found[0] for value in values if (found := SOA_FIELDS.search(value))]
        return cls(
            name=plain(entry["Name"]),
            type=entry["Type"],
            ttl=int(entry.get("TTL", 300)),
            values=tuple(values),
            failover=entry.get("Failover"),
            health_check=entry.get("HealthCheckId"),
        )


@dataclass(frozen=True)
class Data:
    """Everything the server answers from: zones by name, their records, and static addresses outside them."""

    zones: tuple[str, ...] = ()
    records: tuple[Record, ...] = ()
    static: Mapping[str, str] | None = None

    def zone_of(self, name: str) -> str | None:
        """The longest zone that holds `name`."""
        holding = [zone for zone in self.zones if name == zone or name.endswith(f".{zone}")]
        return max(holding, key=len, default=None)


def plain(name: str) -> str:
    """A name as it is compared here."""
    return name.rstrip(".").lower().replace("\\052", "*")


def choose(candidates: Sequence[Record], healthy: Callable[[str], bool]) -> Record:
    """The record that answers, by Route 53's rules for failover pairs.

    PRIMARY while it is healthy; else SECONDARY, unless that has an unhealthy check of its own: then PRIMARY again. A
    record without a check is healthy (https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/
    dns-failover-problems.html, "all records unhealthy"). `candidates` must not be empty.
    """

    def up(record: Record) -> bool:
        return record.health_check is None or healthy(record.health_check)

    pair = {record.failover: record for record in candidates if record.failover}
    primary, secondary = pair.get("PRIMARY"), pair.get("SECONDARY")
    if primary is None or secondary is None:
        return primary or secondary or candidates[0]
    return secondary if up(secondary) and not up(primary) else primary


def answer(data: Data, name: str, kind: str, healthy: Callable[[str], bool]) -> tuple[Code, list[Record]]:
    """The records that answer (name, kind), CNAMEs first in chain order. An empty NOERROR means no such type."""
    found: list[Record] = []
    here: list[Record] = []
    name = plain(name)
    for _ in range(MAX_CHAIN):
        here = [record for record in data.records if record.name == name]
        address = (data.static or {}).get(name)
        if not here and address is not None:
            extra = [Record(name, "A", STATIC_TTL, (address,))] if kind in ("A", "ANY") else []
            return "NOERROR", found + extra
        exact = [record for record in here if record.type == kind]
        if exact:
            return "NOERROR", [*found, choose(exact, healthy)]
        aliases = [record for record in here if record.type == "CNAME"]
        if not aliases:
            break
        found.append(choose(aliases, healthy))
        name = plain(found[-1].values[0])
    if found or here:
        return "NOERROR", found
    inside = data.zone_of(name) is not None
    return ("NXDOMAIN" if inside else "REFUSED"), []

"""What the gate costs a database whose commits wait for a disk: TPC-B by pgbench, directly and through `dr guard`'s
gate beside it, on three disks: none (fsync off), this machine's, and one whose flush takes a millisecond as EBS gp3's.

    uv run python -m bench.gate_on_disk [--seconds 10] [--rounds 3] [--clients 4 16 32]

The last is this machine's with a stand-in for the difference (`bench/slow_disk.py`); it needs a C compiler. Where no
commit waits, pgbench, server and gate share all cores, so what the relay takes is taken from the server.
"""

import argparse
import json
import re
import statistics
from pathlib import Path
from typing import Any

from bench import slow_disk
from bench.gate import admit_everywhere, pgbench
from bench.own_primary import OwnPrimary, own_primary
from bench.row import Row
from lab.machine import binaries
from lab.machine.addresses import POSTGRES_PORT
from lab.machine.binaries import Postgres
from lab.ultramarket.primary import APPLICATION
from operations.guard.gate import Address, Gate

GP3_MICROSECONDS = 1000
"""https://docs.aws.amazon.com/ebs/latest/userguide/general-purpose.html: single-digit milliseconds. About one for a
write of 8 KiB to an idle volume is assumed, not measured: no account was at hand."""
_DISKS = ("none", "own", "gp3")
_SCALE = "20"


def main() -> None:
    """Print medians and ratios as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, nargs="+", default=[4, 16, 32])
    options = parser.parse_args()
    print(json.dumps({disk: on(disk, options.seconds, options.rounds, options.clients) for disk in _DISKS}, indent=1))


def rows() -> list[Row]:
    """TPC-B through the gate beside none, transactions a second, by disk and clients."""
    found: list[Row] = []
    for disk, words in zip(_DISKS, ("no flush", "this disk", "1 ms a flush"), strict=True):
        measured = on(disk, seconds=10, rounds=3, clients=[4, 16, 32])
        found += [
            Row(
                name=f"gate: TPC-B, {words} ({measured['flush_microseconds']:.0f} us), {clients} clients",
                ours=measured[clients]["gate_tps"],
                reference=measured[clients]["direct_tps"],
                goal="ratio ≥ 0.95" if disk == "gp3" else "for comparison",
            )
            for clients in (4, 16, 32)
        ]
    return found


def on(disk: str, seconds: int, rounds: int, clients: list[int]) -> dict[Any, Any]:
    """On a PostgreSQL and a gate of our own. `flush_microseconds`: what a flush takes that a commit waits for."""
    flush = 0.0

    def programs(found: Postgres, folder: Path) -> Postgres:
        nonlocal flush
        flush = slow_disk.flush_microseconds(folder)
        if disk != "gp3":
            return found
        library = slow_disk.build(folder)
        more = max(0, GP3_MICROSECONDS - round(flush))
        flush = slow_disk.flush_microseconds(folder, slow_disk.slowed(library, more))
        return slow_disk.SlowPostgres(bin=found.bin, lib=found.lib, library=library, microseconds=more)

    with own_primary(programs) as own:
        if disk == "none":
            flush = 0.0
            with own.primary.connect() as connection:
                connection.execute("ALTER SYSTEM SET fsync = off")
        measured = _measure(own, seconds, rounds, clients)
    return {"flush_microseconds": flush, **measured}


def _measure(own: OwnPrimary, seconds: int, rounds: int, clients: list[int]) -> dict[Any, Any]:
    primary, listen = own.primary, str(own.block.prod.pods[2])
    admit_everywhere(primary)
    gate = Gate(
        str(binaries.find().haproxy), Address(listen, POSTGRES_PORT), Address(str(primary.socket), POSTGRES_PORT)
    )
    gate.open()
    try:
        with primary.connect() as connection:
            connection.execute(f"GRANT CREATE ON SCHEMA public TO {APPLICATION}".encode())
        pgbench(primary, primary.address, "-i", "-s", _SCALE, "-q")
        return {count: _in_turn(own, listen, seconds, rounds, count) for count in clients}
    finally:
        gate.close()


def _in_turn(own: OwnPrimary, listen: str, seconds: int, rounds: int, clients: int) -> dict[str, Any]:
    rates: dict[str, list[float]] = {"direct": [], "gate": []}
    hosts = {"direct": own.primary.address, "gate": listen}
    for number in range(rounds):
        for way in sorted(hosts, reverse=bool(number % 2)):
            options = ("-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-T", str(seconds))
            said = pgbench(own.primary, hosts[way], *options)
            rates[way].append(float(re.findall(r"tps = ([\d.]+)", said)[0]))
    direct, gate = statistics.median(rates["direct"]), statistics.median(rates["gate"])
    return {
        "direct_tps": round(direct),
        "gate_tps": round(gate),
        "ratio": round(gate / direct, 3),
        "added_microseconds": round(clients * 1e6 * (1 / gate - 1 / direct), 1),
        "rounds": {way: [round(each) for each in found] for way, found in rates.items()},
    }


if __name__ == "__main__":
    main()

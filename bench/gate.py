"""What the gate costs: pgbench through HAProxy as `dr guard` configures it, to a database beside it (Unix socket) and
to one across the network (TCP), and directly, side by side.

    uv run python -m bench.gate [--seconds 5] [--rounds 3] [--clients 4]

Runs its own PostgreSQL and its own gate on loopback. Only the ratio means anything on a shared machine.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
from collections.abc import Mapping
from typing import Any

from bench.own_primary import own_primary
from bench.row import Row
from lab.machine import binaries
from lab.machine.addresses import POSTGRES_PORT
from lab.ultramarket.primary import APPLICATION, Primary
from operations.guard.gate import Address, Gate


def main() -> None:
    """Print medians and ratio as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=4)
    options = parser.parse_args()
    print(json.dumps(measured(options.seconds, options.rounds, options.clients), indent=1))


def rows() -> list[Row]:
    """The gate's throughput, its database beside it, beside none at all and beside a gate in a Pod of its own, in
    transactions a second."""
    found = measured(seconds=5, rounds=3, clients=4)
    words = {"select": "point queries, 4 clients", "tpcb": "pgbench's mix, 4 clients", "one": "point queries, 1 client"}
    against_none = [
        Row(
            name=f"gate: {said}",
            ours=found[name]["socket_tps"],
            reference=found[name]["direct_tps"],
            goal="for comparison: no commit waits for long",
        )
        for name, said in words.items()
    ]
    against_tcp = [
        Row(
            name=f"gate by Unix socket, not TCP: {said}",
            ours=found[name]["socket_tps"],
            reference=found[name]["tcp_tps"],
            goal="for comparison: the gate in a Pod of its own",
        )
        for name, said in words.items()
    ]
    return [*against_none, *against_tcp]


def measured(seconds: int, rounds: int, clients: int) -> dict[str, Any]:
    """Alternate direct and gated rounds on a PostgreSQL and two gates of our own."""
    haproxy = str(binaries.find().haproxy)
    with own_primary() as own:
        primary, pods = own.primary, own.block.prod.pods
        admit_everywhere(primary)
        gates = {
            "tcp": Gate(haproxy, Address(str(pods[1]), POSTGRES_PORT), Address(primary.address, POSTGRES_PORT)),
            "socket": Gate(haproxy, Address(str(pods[2]), POSTGRES_PORT), Address(str(primary.socket), POSTGRES_PORT)),
        }
        for gate in gates.values():
            gate.open()
        try:
            return measure(primary, gates, seconds, rounds, clients)
        finally:
            for gate in gates.values():
                gate.close()


def admit_everywhere(primary: Primary) -> None:
    """The application past the gate and across the network, too: what is measured is not the wall."""
    hba = primary.data / "pg_hba.conf"
    hba.write_text(f"host all {APPLICATION} 127.0.0.0/8 scram-sha-256\n" + hba.read_text())
    with primary.connect() as connection:
        connection.execute("SELECT pg_reload_conf()")


def measure(primary: Primary, gates: Mapping[str, Gate], seconds: int, rounds: int, clients: int) -> dict[str, Any]:
    """Read-only point queries (the worst case for a relay) and the standard read-write mix."""
    with primary.connect() as connection:
        connection.execute(f"GRANT CREATE ON SCHEMA public TO {APPLICATION}".encode())
    pgbench(primary, primary.address, "-i", "-s", "5", "-q")
    ways = {"direct": primary.address, **{way: gate.listen.host for way, gate in gates.items()}}
    result: dict[str, Any] = {"clients": clients, "seconds": seconds, "rounds": rounds}
    for name, script, count in (("select", "-S", clients), ("tpcb", "-N", clients), ("one", "-S", 1)):
        rates: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(rounds):
            for way, host in ways.items():
                # fmt: off
                output = pgbench(primary, host, script, "-n", "-M", "prepared", "-c", str(count), "-j", "2"
                                 if count > 1 else "1", "-T", str(seconds))
                # fmt: on
                rates[way].append(float(re.findall(r"tps = ([\d.]+)", output)[0]))
        medians = {way: statistics.median(found) for way, found in rates.items()}
        direct = medians["direct"]
        result[name] = {f"{way}_tps": round(median) for way, median in medians.items()} | {
            f"{way}_{what}": value
            for way in gates
            for what, value in (
                ("ratio", round(medians[way] / direct, 3)),
                ("added_microseconds", round(count * 1e6 * (1 / medians[way] - 1 / direct), 1)),
            )
        }
    return result


def pgbench(primary: Primary, host: str, *arguments: str) -> str:
    """Run pgbench as the application and return its report."""
    environment = {**os.environ, **primary.postgres.env(), "PGPASSWORD": primary.passwords[APPLICATION]}
    argv = [str(primary.postgres.bin / "pgbench"), "-h", host, "-U", APPLICATION, *arguments]
    return subprocess.run([*argv, "ultramarket"], env=environment, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main()

"""What the gate costs: pgbench through HAProxy as `dr guard` configures it, and directly, side by side.

    uv run python -m bench.gate [--seconds 5] [--rounds 3] [--clients 4]

Runs its own PostgreSQL and its own gate on loopback. Only the ratio means anything on a shared machine.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path

from lab.addresses import claim_block
from lab.binaries import copy_postgres
from lab.primary import APPLICATION, Primary, database_uid
from lab.processes import Supervisor
from scripts.guard_gate import Address, Gate, find_haproxy


def main() -> None:
    """Alternate direct and gated rounds; print medians and ratio as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=4)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="ultramarket-bench-"))
    folder.chmod(0o755)
    block = claim_block()
    supervisor = Supervisor(folder / "logs")
    try:
        primary = Primary(
            supervisor,
            copy_postgres(folder / "programs"),
            folder / "primary",
            block.primary,
            "127.0.0.0/8",
            database_uid(),
        )
        primary.create()
        gate = Gate(find_haproxy(), Address(str(block.prod.gates[1]), 5432), Address(block.primary, 5432))
        gate.open()
        try:
            print(json.dumps(measure(primary, gate, options), indent=1))
        finally:
            gate.close()
    finally:
        supervisor.stop_all()
        shutil.rmtree(folder, ignore_errors=True)


def measure(primary: Primary, gate: Gate, options: argparse.Namespace) -> dict[str, object]:
    """Read-only point queries (the worst case for a relay) and the standard read-write mix."""
    with primary.connect() as connection:
        connection.execute(f"GRANT CREATE ON SCHEMA public TO {APPLICATION}".encode())
    pgbench(primary, primary.address, "-i", "-s", "5", "-q")
    result: dict[str, object] = {"clients": options.clients, "seconds": options.seconds, "rounds": options.rounds}
    for name, script, clients in (("select", "-S", options.clients), ("tpcb", "-N", options.clients), ("one", "-S", 1)):
        rates: dict[str, list[float]] = {"direct": [], "gate": []}
        for _ in range(options.rounds):
            for way, host in (("direct", primary.address), ("gate", gate.listen.host)):
                # fmt: off
                output = pgbench(primary, host, script, "-n", "-M", "prepared", "-c", str(clients), "-j", "2"
                                 if clients > 1 else "1", "-T", str(options.seconds))
                # fmt: on
                rates[way].append(float(re.findall(r"tps = ([\d.]+)", output)[0]))
        direct, gated = statistics.median(rates["direct"]), statistics.median(rates["gate"])
        result[name] = {
            "direct_tps": round(direct),
            "gate_tps": round(gated),
            "ratio": round(gated / direct, 3),
            "added_microseconds": round(clients * 1e6 * (1 / gated - 1 / direct), 1),
        }
    return result


def pgbench(primary: Primary, host: str, *arguments: str) -> str:
    """Run pgbench as the application and return its report."""
    environment = {**os.environ, **primary.postgres.env(), "PGPASSWORD": primary.passwords[APPLICATION]}
    argv = [str(primary.postgres.bin / "pgbench"), "-h", host, "-U", APPLICATION, *arguments]
    return subprocess.run([*argv, "ultramarket"], env=environment, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main()

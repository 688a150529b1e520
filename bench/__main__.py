"""`make bench`: every benchmark, one after another; writes `.lab/bench.json`.

    uv run python -m bench [gate] [disk] [log] [preview] [full] [restore] [redis] [mongo] [mongo_log] [files]

Absolute values are of this machine in this hour; only ratios mean anything elsewhere.
"""

import argparse
import json

from bench import files, full_backup, gate, gate_on_disk, incremental, log, mongo, mongo_log, preview, redis, restore
from bench.row import Row
from lab.project import ROOT

SUBJECTS = {
    "gate": gate.rows,
    "disk": gate_on_disk.rows,
    "log": log.rows,
    "preview": preview.rows,
    "full": full_backup.rows,
    "incremental": incremental.rows,
    "restore": restore.rows,
    "redis": redis.rows,
    "mongo": mongo.rows,
    "files": files.rows,
    "mongo_log": mongo_log.rows,
}
RESULT = ROOT / ".lab" / "bench.json"


def main() -> None:
    """Run what was asked for, all by default."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("subject", nargs="*", choices=[*SUBJECTS, []], help="default: all")
    asked = parser.parse_args().subject or list(SUBJECTS)
    found: list[Row] = []
    for subject in asked:
        print(f"{subject} …", flush=True)
        found += SUBJECTS[subject]()
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps([row.as_dict() for row in found], indent=1) + "\n")
    for row in found:
        print(f"{row.name:45} {row.ours:10g} {row.reference:10g}  ratio {row.ratio:6g}  goal: {row.goal}")
    print(f"written to {RESULT}")


if __name__ == "__main__":
    main()

"""How much memory a backup takes does not depend on its size."""

import subprocess
import sys

from recovery.copies.parts import LARGEST_PART_BYTES
from recovery.site.capacity import BACKUP_MEBIBYTES
from tests.support.plans import ROOT


def test_a_backup_of_a_tebibyte_stays_within_its_pods_memory_at_its_largest_parts() -> None:
    program = [sys.executable, "-m", "tests.support.upload_memory"]
    said = subprocess.check_output(program, text=True, cwd=ROOT, timeout=120)
    mebibytes, largest, stored = (int(word) for word in said.split())
    assert stored > 400 * 1024 * 1024 and largest == LARGEST_PART_BYTES
    assert mebibytes < BACKUP_MEBIBYTES

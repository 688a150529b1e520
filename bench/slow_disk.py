"""A stand-in for the latency of a network disk: PostgreSQL's flush of its log, which takes so much longer here.

EBS gp3 answers a write within about a millisecond; a disk inside the machine within a fraction of that. A library that
is loaded before the C library adds the difference to every fdatasync, the call by which PostgreSQL waits for its log
(wal_sync_method): as a disk would, it holds up the flush, which other commits join meanwhile, and takes no processor.
PostgreSQL's own commit_delay is something else: it waits before a flush, to gather commits.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.machine.binaries import Postgres

_SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

int fdatasync(int file)
{
    static int (*real)(int);
    static long microseconds;
    if (!real) {
        const char *said = getenv("SLOW_DISK_MICROSECONDS");
        microseconds = said ? atol(said) : 0;
        real = (int (*)(int)) dlsym(RTLD_NEXT, "fdatasync");
    }
    int result = real(file);
    struct timespec rest = {0, microseconds * 1000};
    nanosleep(&rest, NULL);
    return result;
}
"""


@dataclass(frozen=True)
class SlowPostgres(Postgres):
    """The programs, whose log's flushes take `microseconds` longer."""

    library: Path
    microseconds: int

    def env(self) -> dict[str, str]:
        """As a server on such a disk needs it."""
        return super().env() | slowed(self.library, self.microseconds)


def slowed(library: Path, microseconds: int) -> dict[str, str]:
    """Variables of a process whose fdatasync takes so much longer."""
    return {"LD_PRELOAD": str(library), "SLOW_DISK_MICROSECONDS": str(microseconds)}


def build(folder: Path) -> Path:
    """The library. Raises RuntimeError where there is no C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise RuntimeError("no C compiler (cc) on PATH: without one no disk can be made slower")
    source, library = folder / "slow_disk.c", folder / "slow_disk.so"
    source.write_text(_SOURCE)
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(source), "-ldl"], check=True)
    library.chmod(0o755)
    return library


def flush_microseconds(folder: Path, more: Mapping[str, str] | None = None) -> float:
    """What one flush of 8 KiB takes on the disk of `folder`, the median of many: what pg_test_fsync does for fdatasync,
    in a process with `more` in its environment."""
    program = (
        "import os, sys, statistics, time\n"
        "file, took = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT), []\n"
        "os.pwrite(file, bytes(8 * 2**20), 0); os.fdatasync(file)\n"
        "for number in range(500):\n"
        "    os.pwrite(file, os.urandom(8192), number * 8192)\n"
        "    began = time.perf_counter(); os.fdatasync(file); took.append(time.perf_counter() - began)\n"
        "os.unlink(sys.argv[1]); print(statistics.median(took) * 1e6)\n"
    )
    environment = {**os.environ, **(more or {})}
    argv = [sys.executable, "-c", program, str(folder / "flushed")]
    return round(float(subprocess.run(argv, env=environment, check=True, capture_output=True, text=True).stdout), 1)

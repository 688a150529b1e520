"""The one compression of ours, whichever Python this is; and how hard it tries."""

import sys

if sys.version_info >= (3, 14):
    from compression import zstd as zstd
else:
    from backports import zstd as zstd

LEVEL, WORKERS = 1, 2  # level 3 stores 2 % less and takes half as much again: docs/benchmarks.md

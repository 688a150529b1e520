"""One file per kind of data: how it is copied and verified with its own tools. Ports are handed in by `scripts`."""

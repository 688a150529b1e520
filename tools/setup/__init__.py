"""Set-up from nothing: Python environment, the lab's binaries, HAProxy. Plain Python 3.11: it runs before uv does."""

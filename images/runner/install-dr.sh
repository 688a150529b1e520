#!/bin/sh
# Make $1 a virtual environment with `dr` and, in the versions of uv.lock, what it needs: no Pulumi, no tools of
# developers. Run in the source's folder; $UV is uv, $UV_PYTHON the Python that the environment will be used with.
set -eu
export UV_PROJECT_ENVIRONMENT="$1" UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy
# --locked: a lock that does not fit pyproject.toml ends the build. Compiled here, for nobody can write there later.
"${UV:-uv}" sync --quiet --locked --no-dev --no-editable --compile-bytecode

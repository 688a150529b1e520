"""Pulumi starts here: `pulumi up --stack foundation | prod | dr`."""

import gc

# The providers' SDKs are thousands of classes that live as long as the program: collecting while they load finds
# nothing, and takes a tenth to a fifth of the program's time.
gc.disable()

from infra.program import run  # noqa: E402

run()

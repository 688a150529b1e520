"""Pulumi starts here: `pulumi up --stack foundation | prod | dr`."""

from infra import no_garbage_collection

no_garbage_collection.rest()

from infra.program import run  # noqa: E402

run()

"""Pulumi starts here: `pulumi up --stack foundation | prod | dr`."""

from infra import collector

collector.rest()

from infra.program import run  # noqa: E402

run()

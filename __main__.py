"""Pulumi starts here: `pulumi up --stack foundation | prod | dr`."""

from infra.program import run

run()

"""Pulumi starts this: it serves the absolute rules until the engine ends it."""

import sys
from pathlib import Path

# Pulumi runs the folder as a program; the rules lie above it.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

# pyright: reportMissingImports=false
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy
from pulumi_policy.proxy import UnknownValueError

from policy.absolute.rules import ABSOLUTE_RULES
from policy.pack.adapter import validation

PolicyPack(
    name="ultramarket-dr",
    enforcement_level=EnforcementLevel.MANDATORY,
    policies=[
        ResourceValidationPolicy(
            name=rule.name, description=rule.description, validate=validation(rule, UnknownValueError)
        )
        for rule in ABSOLUTE_RULES
    ],
)

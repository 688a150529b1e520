"""Reads what the dr stack reads of the prod stack, and declares nothing."""

import sys

import pulumi

config = pulumi.Config()
sys.path.insert(0, config.require("root"))
for name in ("edge", "primary_host", "primary_port", "system_identifier"):
    if value := config.get(name):
        pulumi.export(name, value)
if stack := config.get("prodStack"):
    from infra.prod_outputs import Production

    production = Production(stack)
    pulumi.export("found", pulumi.Output.all(production.edge, production.primary_port, production.system_identifier))

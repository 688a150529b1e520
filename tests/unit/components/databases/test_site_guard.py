"""The network policy around a primary that is not ours: whoever of ours connects to it gets through, nobody else."""

from typing import Any

from tests.support import stacks
from tests.support.flows import selects
from tests.support.project import in_the_project as in_the_project  # a fixture

LABELS = {"app": "orders-db"}
HOST = "postgres-primary.ultramarket.internal"
REPLICA = {
    "replicaInSite": True,
    "postgresImage": f"ultramarket/postgres@sha256:{'a' * 64}",
    "storageSize": "400Gi",
    "podCidrs": ["10.0.0.0/16"],
}


def connects(template: dict[str, Any]) -> bool:
    """Whether a Pod logs in to the primary past the gate, or is the gate."""
    (container,) = template["spec"]["containers"]
    env = {each["name"]: each.get("value") for each in container["env"]}
    return HOST in (env.get("PGHOST"), env.get("PRIMARY_HOST")) or f"{HOST}:5432" in container["command"]


def test_what_logs_in_to_the_primary_is_let_through_and_nothing_else_of_ours() -> None:
    found = stacks.declare("prod", {"primaryPodLabels": LABELS, **REPLICA})
    (policy,) = [each.inputs["spec"] for each in found if each.name == "site-guard-only-way"]
    assert policy["podSelector"]["matchLabels"] == LABELS
    (rule,) = policy["ingress"]
    admitted = [each["podSelector"] for each in rule["from"] if "podSelector" in each]
    templates: dict[str, dict[str, Any]] = {}
    for each in found:
        spec = each.inputs.get("spec") or {}
        template = (spec.get("jobTemplate") or {}).get("spec", spec).get("template")
        if template:
            templates[each.name] = template
    through = {
        name
        for name, each in templates.items()
        if any(selects(selector, each["metadata"]["labels"]) for selector in admitted)
    }
    assert through == {name for name, each in templates.items() if connects(each)}
    assert through >= {"postgres-log-shipper-deployment", "replica-set"}

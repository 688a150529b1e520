"""Every rule by its id: what `dr review --rules` lists and a waiver may name."""

from dataclasses import dataclass
from functools import cache

from policy.absolute.rules import ABSOLUTE_RULES
from policy.differences import UNKNOWN_PROPERTY
from policy.rules.by_type import LIVES, UNKNOWN_ENDING, all_rules, ending, known_types, shared_rules
from policy.rules.ids import type_name

FAILED_PREVIEW, BARED_SECRET = "preview.failed", "secret.in-plain-text"
UNKNOWN_OPERATION, UNKNOWN_TYPE = "unknown.operation", "unknown.type"
_ANY = "any resource"
# What is said without a table: of the preview as a whole, of what nobody has thought about.
_GENERAL = {
    FAILED_PREVIEW: "the preview failed, so it does not show everything",
    BARED_SECRET: "a secret is no longer marked as one",
    UNKNOWN_PROPERTY: "no rule weighs the property",
    UNKNOWN_TYPE: "no rule knows the type of resource",
    UNKNOWN_OPERATION: "no rule knows the operation of Pulumi's",
    UNKNOWN_ENDING: "no rule says what it means that a resource of this type goes",
}


@dataclass(frozen=True, kw_only=True)
class Listed:
    """One rule. `type` and `property` are what it is about, `why` what a weakening would mean."""

    id: str
    type: str
    property: str
    why: str


@cache
def rule_list() -> tuple[Listed, ...]:
    """All of them, sorted by id. Rules of one property for different resources share an id and a line."""
    found: dict[str, Listed] = {}

    def add(name: str, kind: str, place: str, why: str) -> None:
        before = found.get(name)
        if before is not None:
            why = before.why if why in before.why else f"{before.why}; {why}"
        found[name] = Listed(id=name, type=kind, property=place, why=why)

    for kind, rule in [*all_rules(), *shared_rules()]:
        if not rule.kind.aspects:
            add(rule.id, kind, rule.path, rule.reason)
        for aspect in rule.kind.aspects:
            add(rule.id_of((aspect,)), kind, f"{rule.path}[*].{aspect}", rule.reason)
    for each in ABSOLUTE_RULES:
        add(f"absolute.{each.name}", _ANY, "whatever breaks it", each.description)
    for kind, life in LIVES.items():
        add(ending(kind), kind, "deletion, replacement", life.delete[1])
    for kind in known_types():
        add(f"new.{type_name(kind)}", kind, "creation", "a new one, as a whole: what it opens or is put onto")
    for name, why in _GENERAL.items():
        add(name, _ANY, "-", why)
    return tuple(sorted(found.values(), key=lambda each: each.id))


@cache
def rule_ids() -> tuple[str, ...]:
    """The ids alone."""
    return tuple(each.id for each in rule_list())

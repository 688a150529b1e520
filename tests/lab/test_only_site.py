"""`pulumi destroy` of the dr stack on the real engine: refused, above all while the DR site holds the lease."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.clients import client
from tests.support.lab_stacks import Base
from tests.support.lab_stacks import base as base  # a fixture

_DESTROY = ("destroy", "--yes", "--skip-preview", "--suppress-progress")


def there(base: Base) -> set[str]:
    """URNs of the stack's state."""
    return {each["urn"] for each in base.world.engine.export("dr")["deployment"]["resources"]}


@pytest.fixture
def unprotected(base: Base) -> Iterator[Base]:
    """What somebody does who has read that a protected resource can be unprotected."""
    base.world.engine.run("state", "unprotect", "--all", "--yes", stack="dr").must()
    yield base
    base.world.engine.up("dr").must()


def lease_at(base: Base, site: str) -> None:
    """Write the holder into the control table, as a promotion would."""
    change: dict[str, Any] = {
        "TableName": base.world.names.control_table,
        "Key": {"pk": {"S": "lease"}},
        "UpdateExpression": "SET site = :site",
        "ExpressionAttributeValues": {":site": {"S": site}},
    }
    client(base.world.aws, "dynamodb", "operator", "us-west-2").update_item(**change)


def test_destroying_the_dr_stack_is_refused_as_a_whole(base: Base) -> None:
    before = there(base)
    refused = base.world.engine.destroy("dr")
    assert not refused.ok
    # Whichever the engine comes to first.
    assert "protected" in refused.tail() or "--run-program" in refused.tail()
    assert there(base) == before


def test_destroying_all_but_what_is_protected_destroys_nothing(base: Base) -> None:
    before = there(base)
    base.world.engine.run(*_DESTROY, "--exclude-protected", stack="dr")
    assert there(base) == before


def test_an_unprotected_site_that_holds_the_lease_is_not_destroyed_and_says_why(unprotected: Base) -> None:
    before = there(unprotected)
    plain = unprotected.world.engine.run(*_DESTROY, stack="dr")
    assert "--run-program" in plain.tail()
    lease_at(unprotected, "dr")
    try:
        refused = unprotected.world.engine.run(*_DESTROY, "--run-program", stack="dr")
    finally:
        lease_at(unprotected, "prod")
    assert not refused.ok
    assert "the DR site holds the lease" in refused.tail()
    assert there(unprotected) == before

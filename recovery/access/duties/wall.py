"""What tries production's wall: keep what it saw, and nothing else. A production that is lost to somebody says no
word about the DR site."""

from recovery.access.conditions import only_items
from recovery.access.documents import Document, allow, document, table_arns
from recovery.lease.wall import item as wall_item
from recovery.names import Names, guard_item


def wall_policy(names: Names) -> Document:
    """The role's policy."""
    return document(
        # A database that says nothing may be dead, or behind a network policy that works: its guard knows.
        allow("ReadReport", ["dynamodb:GetItem"], table_arns(names), only_items(guard_item("prod"))),
        allow("RecordWall", ["dynamodb:PutItem"], table_arns(names), only_items(wall_item("prod"))),
    )

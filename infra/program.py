"""The Pulumi program: the stack's name says which of the three it declares."""

import pulumi

from recovery.errors import DrError

STACKS = ("foundation", "prod", "dr")


def run() -> None:
    """Declare the current stack. Bad input ends the run with its message alone, before anything is declared."""
    stack = pulumi.get_stack()
    try:
        _declare(stack)
    except DrError as error:
        raise pulumi.RunError(str(error)) from None


def _declare(stack: str) -> None:
    # Each stack imports only what it declares; the providers' SDKs are slow to load.
    if stack == "foundation":
        from infra import foundation
        from infra.settings.foundation import foundation_settings

        foundation.declare(foundation_settings())
    elif stack == "prod":
        from infra import prod
        from infra.settings.prod import prod_settings

        prod.declare(prod_settings())
    elif stack == "dr":
        from infra import dr
        from infra.settings.dr import dr_settings

        dr.declare(dr_settings())
    else:
        raise pulumi.RunError(
            f"there is no stack {stack!r}; the stacks are {', '.join(STACKS)}, brought up in this order\n"
            f"Next: pulumi stack select foundation"
        )

"""`dr restore --beside` and `--target-pvc`: in the DR cluster instead of a folder here."""

from collections.abc import Mapping

import typer

from operations.context import Context
from scripts.restore_options import Where, Wish


def elsewhere(context: Context, dataset: str, where: Where, wish: Wish, environment: Mapping[str, str]) -> None:
    """Raises what either raises; typer.BadParameter for options that do not go together."""
    if where.others or (where.claim and (where.beside or where.end)) or (where.end and not where.beside):
        raise typer.BadParameter(
            "--beside, with or without --end, and --target-pvc exclude each other, and go with --to and --retrieve "
            "alone; both restore from the DR bucket"
        )
    if where.beside:
        from scripts.restore_beside import beside

        beside(context, dataset, wish, environment, end=where.end)
        return
    from scripts.restore_claim import into_claim

    into_claim(context, dataset, wish, environment, claim=where.claim)

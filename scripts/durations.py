"""Options that are durations."""

from datetime import timedelta

import typer

from recovery.units import parse_duration


def duration(text: str, option: str) -> timedelta | None:
    """What an option such as `5m` says, None when it is empty. Raises typer.BadParameter."""
    try:
        return parse_duration(text) if text else None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None

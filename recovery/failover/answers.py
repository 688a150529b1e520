"""Whether an answer over HTTP comes from the site and the epoch it should."""

from recovery.ports.edge import ServiceAnswer


def wrong(name: str, answer: ServiceAnswer | str | None, epoch: int) -> str:
    """What is wrong with an answer that should come from the DR site in `epoch`; empty when nothing is.

    A 200 is not enough: it may come from the wrong site, or from a database that is not ours.
    """
    if answer is None or isinstance(answer, str):
        return f"{name}: {answer or 'not asked yet'}"
    if answer.instead or answer.status != 200:
        return f"{name}: {answer.instead or f'HTTP {answer.status}'}"
    if answer.site != "dr":
        return f"{name}: answered by site {answer.site}"
    if answer.epoch != epoch:
        return f"{name}: epoch {answer.epoch}, wanted {epoch}"
    return ""

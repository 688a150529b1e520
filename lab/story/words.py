"""Progress lines in words; the full values are in `.lab/report.json`."""

from collections.abc import Mapping
from typing import Any

_LONGEST = 60


def second_previews(changes: Mapping[str, int]) -> str:
    """What previews of applied stacks propose, by stack."""
    proposed = [f"{stack} {count}" for stack, count in changes.items() if count]
    if proposed:
        return f"a second preview proposes changes: {', '.join(proposed)}"
    return f"a second preview proposes no change: {', '.join(changes)}"


def backup(found: Mapping[str, Any]) -> str:
    """Size, time, and whether it was verified and copied."""
    verified = "verified" if found["verified"] else "NOT verified"
    copied = "complete" if found["replicated"] else "NOT complete"
    return (
        f"backup of {found['bytes'] / 1e6:.1f} MB in {found['seconds']:.0f} s: {verified}, "
        f"copy in the DR bucket {copied}"
    )


def log(found: Mapping[str, Any]) -> str:
    """How long commits waited until their log was in the DR bucket."""
    if not found["samples"]:
        return "NO commit's log was seen in the DR bucket"
    return (
        f"a commit's log was in the DR bucket after {found['lag_p50_seconds']:.1f} s, "
        f"99 of 100 within {found['lag_p99_seconds']:.1f} s ({found['samples']} seen)"
    )


def beyond_the_stream(found: Mapping[str, Any]) -> str:
    """How far the bucket was ahead of the dead stream when the region died."""
    ahead = found["bucket_end"] - found["streamed"]
    return f"the bucket has {ahead:,} bytes of the log that the stream did not bring"


def drained(log: Mapping[str, Any]) -> str:
    """What became of them."""
    return (
        f"{log['drained_bytes']:,} bytes of the log that the bucket alone had ({log['bucket_ahead_bytes']:,}) were "
        "replayed before the promotion"
    )


def restart(found: Mapping[str, Any]) -> str:
    """What became of the standby after its Pod was deleted."""
    if not found["streams"]:
        return f"the standby did NOT come back: {found['why']}"
    return f"a new Pod has the same volume and streams again, {found['seconds']:.1f} s after the old one was deleted"


def walls(found: Mapping[str, Mapping[str, str]]) -> str:
    """Each site and what its database said to the application that came past the gate."""
    sites = [f"{site} {each['state']} ({_core(each['words'])})" for site, each in found.items()]
    return f"past the gate, as the application: {'; '.join(sites)}"


def change(done: Mapping[str, Any]) -> str:
    """What changing a setting of the dr stack did."""
    left = done["preview_with_refresh"]
    return "; ".join(
        (
            f"changed {', '.join(done['changed']) or 'nothing'}",
            f"services {'kept' if done['replicas_kept'] else 'LOST'} their full size",
            f"a preview still finds {left} changes" if left else "a preview finds nothing left",
        )
    )


def restore(found: Mapping[str, Any]) -> str:
    """What was found in the restored server, and whether it is in the shop's database again."""
    wanted, refused = found["orders_expected"], found["write_refused"]
    orders = f"{found['orders_found']} of {wanted} orders" + (" ONLY" if found["orders_found"] < wanted else "")
    write = f"a write there is refused ({_core(refused)})" if refused else "a write there was ACCEPTED"
    back = "the table is put back" if found["put_back"] else "the table is NOT put back"
    return f"beside it, as of the moment before, after {found['seconds']:.1f} s: {orders}; {write}; {back}"


def due_full(found: Mapping[str, Any]) -> str:
    """Whether a full backup began by itself at the DR site, and why."""
    if not found["why"]:
        return "NO full backup was due at the DR site"
    return f"a full backup began by itself at the DR site, {found['seconds']:.0f} s: {found['why']}"


def refusals(reasons: Mapping[str, str]) -> str:
    """Each way to production's database and why it refused; an empty reason means that it accepted."""
    ways = [f"{way}, refused ({_core(why)})" if why else f"{way}, ACCEPTED" for way, why in reasons.items()]
    return f"a write as the application: {'; '.join(ways)}"


def _core(reason: str) -> str:
    """libpq's last clause, without the names of host, user and database that follow it."""
    text = reason.rpartition(": ")[2].strip().partition(" for host ")[0]
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"

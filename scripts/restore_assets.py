"""`dr restore assets`: static assets as they were at a time, in the bucket that they are served from."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import typer

from operations.context import Context
from recovery.errors import Refused
from recovery.plan.plan import SITES, SiteName
from scripts.output import say

if TYPE_CHECKING:
    from cloud.versions import S3Versions


@dataclass(frozen=True)
class Asked:
    """What was typed. `at`: whose bucket is put right; `source`: whose versions are read, empty for the same."""

    to: str | None
    at: str
    source: str
    bucket: str
    region: str
    prefix: str
    hide_newer: bool
    execute: bool
    json: bool


def bring_back(context: Context, asked: Asked, *, others: object) -> None:
    """Show what would change, and with `execute` do it. `others`: what was typed that only goes with other datasets.
    Raises Refused, Failed; typer.BadParameter."""
    from operations.copies.assets import execute, planned
    from recovery.copies.assets import moment
    from scripts import restore_assets_output as output

    if others:
        raise typer.BadParameter(
            "assets are brought back in their bucket: --to, --at, --from, --bucket with --region, --only, --hide-newer "
            "and --execute are all that goes with them"
        )
    at, source = _site(asked.at or "prod", "--at"), _site(asked.source or asked.at or "prod", "--from")
    target = _bucket(context, asked, at)
    origin = target if source == at else _bucket(context, asked, source)
    time = moment(asked.to, target.time())
    with (
        output.running(json=asked.json),
        planned(target, origin, time, prefix=asked.prefix, hide_newer=asked.hide_newer, heard=say) as order,
    ):
        if not asked.execute:
            output.plan(order, json=asked.json, replica=source == "dr")
            return
        if not asked.json:
            output.plan(order, json=False, replica=source == "dr", execute=True)
        output.done(order, execute(order, heard=say), json=asked.json)


def _site(word: str, option: str) -> SiteName:
    if word not in SITES:
        raise Refused(f"{option} {word}: there is no such site", next_step="name prod or dr")
    return cast("SiteName", word)


def _bucket(context: Context, asked: Asked, site: SiteName) -> "S3Versions":
    from cloud.versions import S3Versions

    region = context.plan.site(site).region
    if site == "dr":
        return S3Versions(context.names.assets_bucket, region)
    if asked.bucket:
        return S3Versions(asked.bucket, asked.region or region)
    return S3Versions(_known(context), region)


def _known(context: Context) -> str:
    """Production's bucket is not ours to name: the dr stack was told."""
    from cloud.marker import fetch
    from operations.failover.ports import BUNDLE_ADVICE
    from recovery.failover.bundle import read_bundle
    from recovery.names import BUNDLE_KEY

    names = context.names
    body = fetch(names.backup_bucket("dr"), BUNDLE_KEY, context.plan.sites.dr.region, BUNDLE_ADVICE)
    bucket = read_bundle(body, source=names.bundle_url).assets_bucket if body else ""
    if not bucket:
        raise Refused(
            "which bucket production's static assets are in is not known: the dr stack has no `assetsBucket`",
            next_step="name it: --bucket NAME; or the copy in the DR region is put right with --at dr",
        )
    return bucket

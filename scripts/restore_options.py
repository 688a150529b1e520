"""The options of `dr restore`: to what point, where to, and from where."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from recovery.names import ACCEPTED_INCREMENTALS, NEW_TABLESPACES, ONLY_FILES, RESTORED_SERVER, WITH_SECRETS
from scripts.options import AcceptIncrementalsOption, KubeconfigOption

Into = Annotated[
    str | None, typer.Option("--into", metavar="PLACE", help="An empty folder, or a new one; MongoDB: its URL.")
]
Claim = Annotated[
    str, typer.Option("--target-pvc", metavar="CLAIM", help="A claim in the DR cluster, for a server of yours.")
]
Beside = Annotated[bool, typer.Option("--beside", help="A second server at the DR site, to look into.")]
To = Annotated[str | None, typer.Option("--to", help="latest (default), a time with zone, an LSN, a backup's id.")]
End = Annotated[bool, typer.Option("--end", help="With --beside: take that server away again.")]
Execute = Annotated[bool, typer.Option("--execute", help="Do it. Without, it is only shown.")]
Retrieve = Annotated[bool, typer.Option("--retrieve", help="Ask S3 for what lies in an archive class.")]
Incrementals = Annotated[
    bool,
    typer.Option("--incrementals/--no-incrementals", help="Use incrementals, or a full and the log alone."),
]
AsStandby = Annotated[bool, typer.Option("--as-standby", help="Leave the log to a server that follows.")]
Server = Annotated[
    str, typer.Option("--server", envvar=RESTORED_SERVER, help="Whose Redis: valkey-9.1, if not on PATH.")
]
Only = Annotated[
    str, typer.Option("--only", help="Files: those that match, such as conf/*.yaml. Assets: keys that begin so.")
]
WithSecrets = Annotated[bool, typer.Option("--with-secrets", help="Configuration: as files, write Secrets opened.")]
Apply = Annotated[bool, typer.Option("--apply", help="Configuration: into the cluster of the kubeconfig.")]
Namespace = Annotated[str, typer.Option("--namespace", help="With --apply: instead of the copy's own.")]
Partial = Annotated[bool, typer.Option("--partial", help="With --apply: leave what cannot be applied.")]
WithoutSecrets = Annotated[bool, typer.Option("--without-secrets", help="With --apply: leave Secrets.")]
NewTablespace = Annotated[
    list[str] | None,
    typer.Option("--new-tablespace", metavar="PATH", help="Override: replay may make one here, among files."),
]
AcceptIncrementals = AcceptIncrementalsOption
Kubeconfig = KubeconfigOption
Owner = Annotated[str, typer.Option("--owner", help="As root: whose it will be (the server's user).")]
Source = Annotated[str, typer.Option("--from", help="Whose bucket: prod or dr, which has the log (default).")]
At = Annotated[str, typer.Option("--at", help="Assets: whose bucket is put right, prod (default) or dr.")]
HideNewer = Annotated[bool, typer.Option("--hide-newer", help="Assets: hide keys that did not exist then.")]
Bucket = Annotated[str, typer.Option("--bucket", help="A bucket by its name; then no plan is needed.")]
Region = Annotated[str, typer.Option("--region", help="Of --bucket.")]


def variables(
    incrementals_of: str, server: str, only: str, new_tablespaces: list[str] | None, with_secrets: bool
) -> dict[str, str]:
    """What was typed for one dataset or another, as engines read it."""
    return {
        ACCEPTED_INCREMENTALS: incrementals_of,
        RESTORED_SERVER: server,
        ONLY_FILES: only,
        NEW_TABLESPACES: ",".join(new_tablespaces or ()),
        WITH_SECRETS: "yes" if with_secrets else "",
    }


@dataclass(frozen=True)
class Wish:
    """What was typed of a restore in the DR cluster. `to` None: whatever is there, else the newest."""

    to: str | None
    execute: bool
    retrieve: bool
    kubeconfig: Path | None
    json: bool


@dataclass(frozen=True, kw_only=True)
class Where:
    """Where in the DR cluster; `others`: whether anything was typed that only goes with a folder."""

    beside: bool
    end: bool
    claim: str
    others: bool


@dataclass(frozen=True, kw_only=True)
class Applying:
    """How objects are applied: into which namespace instead of their own, and what may be left."""

    namespace: str
    partial: bool
    secrets: bool


NOT_APPLYING = Applying(namespace="", partial=False, secrets=True)

"""The lab's `pulumi-resource-aws`: the types in `replace.yaml`, on the stand-in behind AWS_ENDPOINT_URL."""

import importlib
import json
import os
from contextlib import suppress
from typing import Any

import pulumi.provider.experimental.provider as protocol

from lab.providers import guard
from lab.providers.aws.base import GLOBAL_REGION, Aws, Clients, Handler, NotFound
from lab.providers.base import Inputs, LabProvider, NameMaker, autoname
from lab.providers.replacement import DEFAULTS, Rule
from lab.providers.sdk import shapes_of
from lab.providers.serving import ProviderError, serve
from lab.providers.values import UNKNOWN, has_unknown, observe

VERSION = "7.51.1"
_SETTINGS = {
    "region",
    "allowedAccountIds",
    "forbiddenAccountIds",
    "defaultTags",
    "accessKey",
    "secretKey",
    "profile",
    "assumeRoles",
}


def handler_of(token: str) -> Handler:
    """Raises KeyError for a type without handler."""
    area = token.split(":")[1].split("/")[0]
    return importlib.import_module(f"lab.providers.aws.{area}").HANDLERS[token]


def _has(token: str, name: str) -> bool:
    """Does the type have this input?"""
    return name in shapes_of(token)[""]["properties"]


class AwsProvider(LabProvider):
    """Dispatches to one handler a type."""

    def __init__(self) -> None:
        self.clients = Clients()
        self.region = os.environ.get("AWS_REGION", "")
        self.default_tags: dict[str, str] = {}

    def do_configure(self, config: Inputs) -> None:
        config = {key: _decoded(value) for key, value in config.items()}
        unknown = sorted(
            key
            for key, value in config.items()
            if key not in _SETTINGS and not key.startswith("skip") and value and key != "version"
        )
        if unknown:
            raise ProviderError(
                f"the lab's AWS provider does not know its setting {', '.join(unknown)}; it knows {sorted(_SETTINGS)}"
            )
        self.region = config.get("region") or self.region
        self.default_tags = (config.get("defaultTags") or {}).get("tags") or {}
        if self.region:
            self.clients.first_region = self.region
        self._take_roles(config.get("assumeRoles") or [])
        self._check_account(config)

    def _take_roles(self, chain: list[Inputs]) -> None:
        """Each with the credentials of the one before, as the real provider does."""
        for role in chain:
            unknown = sorted(set(role) - {"roleArn", "sessionName"})
            if unknown:
                raise ProviderError(f"the lab's AWS provider does not know assumeRoles' {', '.join(unknown)}")
            self.clients = self.clients.in_role(role["roleArn"], role.get("sessionName") or "pulumi")

    def _check_account(self, config: Inputs) -> None:
        allowed, forbidden = config.get("allowedAccountIds") or [], config.get("forbiddenAccountIds") or []
        if (allowed and self.clients.account not in allowed) or (forbidden and self.clients.account in forbidden):
            wanted = f"is not among the allowed {', '.join(allowed)}" if allowed else "is forbidden"
            raise ProviderError(
                f"the credentials belong to account {self.clients.account}, which {wanted}; check which site's they are"
            )

    def _region(self, token: str, inputs: Inputs) -> str:
        if handler_of(token).is_global:
            return GLOBAL_REGION
        return inputs.get("region") or self.region

    def _aws(self, request: Any, inputs: Inputs) -> Aws:
        region = self._region(request.type, inputs)
        if not region:
            raise ProviderError(f"{request.name}: no region; set aws:region, the provider's region or the resource's")
        return Aws(self.clients, region, f"{request.name} ({request.type.rsplit(':', 1)[-1]} in {region})")

    def own_account(self) -> str:
        return self.clients.account

    def fill(self, token: str, rule: Rule, name: str, inputs: Inputs, old: Inputs, make: NameMaker) -> Inputs:
        if rule.autoname is None:
            return inputs
        prefix = inputs.get(f"{rule.autoname}Prefix")
        stem = {"aws:kms/alias:Alias": f"alias/{name}-", "aws:s3/bucket:Bucket": f"{name.lower()}-"}.get(
            token, f"{name}-"
        )
        return autoname(inputs, old, rule.autoname, lambda: make(prefix or stem, 7))

    def comparable(self, token: str, old: Inputs, state: Inputs, new: Inputs) -> tuple[Inputs, Inputs]:
        """The region counts as what it comes out as; default tags as tags."""
        if _has(token, "region"):
            old = {**old, "region": old.get("region") or state.get("region") or self.region}
            new = {**new, "region": self._region(token, new)}
        if _has(token, "tags") and state.get("tagsAll", {}) != self._tags(new):
            old, new = {**old, "tagsAll": state.get("tagsAll", {})}, {**new, "tagsAll": self._tags(new)}
        return old, new

    def _tags(self, inputs: Inputs) -> Any:
        tags = inputs.get("tags") or {}
        return tags if tags == UNKNOWN else {**self.default_tags, **tags}

    def _state(self, token: str, inputs: Inputs) -> Inputs:
        """The inputs as they enter the state, with region and all tags."""
        state = {key: value for key, value in inputs.items() if key != DEFAULTS}
        if _has(token, "tags"):
            state["tagsAll"] = self._tags(inputs)
        if _has(token, "region"):
            state["region"] = self._region(token, inputs)
        return state

    def do_create(self, request: protocol.CreateRequest, inputs: Inputs) -> tuple[str, Inputs]:
        handler, state = handler_of(request.type), self._state(request.type, inputs)
        if request.preview:
            return "", {**state, **dict.fromkeys(handler.computed, UNKNOWN)}
        aws = self._aws(request, inputs)
        with _missing_dependency(aws):
            resource_id = handler.create(aws, state)
            return resource_id, {**state, **handler.outputs(aws, resource_id, state)}

    def do_update(self, request: protocol.UpdateRequest, old: Inputs, new: Inputs) -> Inputs:
        handler, state = handler_of(request.type), self._state(request.type, new)
        if request.preview:
            kept = {key: old[key] for key in handler.computed if key in old and key not in handler.changing}
            return {**state, **dict.fromkeys(handler.changing, UNKNOWN), **kept}
        aws = self._aws(request, new)
        with _missing_dependency(aws):
            handler.update(aws, request.resource_id, old, state)
            return {**state, **handler.outputs(aws, request.resource_id, state)}

    def do_read(self, request: protocol.ReadRequest, inputs: Inputs, state: Inputs) -> tuple[Inputs, Inputs] | None:
        if has_unknown(inputs):
            return inputs, state
        handler = handler_of(request.type)
        aws = self._aws(request, {**inputs, "region": inputs.get("region") or state.get("region")})
        declared = self._state(request.type, inputs)
        try:
            live = handler.read(aws, request.resource_id, declared)
            outputs = handler.outputs(aws, request.resource_id, declared)
        except NotFound:
            return None
        tags_all = live.pop("tagsAll", None)
        seen = {DEFAULTS: inputs[DEFAULTS]} if DEFAULTS in inputs else {}
        seen |= observe({key: value for key, value in inputs.items() if key != DEFAULTS}, live)
        if tags_all is not None and tags_all != declared.get("tagsAll"):
            own = {key: value for key, value in tags_all.items() if self.default_tags.get(key) != value}
            seen["tags"] = own
        return seen, {**self._state(request.type, seen), **outputs}

    def do_import(self, request: protocol.ReadRequest, inputs: Inputs, state: Inputs) -> tuple[Inputs, Inputs] | None:
        handler, aws = handler_of(request.type), self._aws(request, state)
        try:
            found = handler.imported(aws, request.resource_id)
        except NotFound:
            return None
        return found, {**self._state(request.type, found), **handler.outputs(aws, request.resource_id, found)}

    def do_delete(self, request: protocol.DeleteRequest, state: Inputs) -> None:
        with suppress(NotFound):
            handler_of(request.type).delete(self._aws(request, state), request.resource_id, state)

    async def invoke(self, request: protocol.InvokeRequest) -> protocol.InvokeResponse:
        from lab.providers.values import property_map

        if request.tok == "aws:index/getCallerIdentity:getCallerIdentity":
            account = self.clients.account
            found = {"id": account, "accountId": account, "arn": f"arn:aws:sts::{account}:lab", "userId": "lab"}
            return protocol.InvokeResponse(return_value=property_map(found))
        if request.tok == "aws:index/getRegion:getRegion":
            found = {"id": self.region, "region": self.region, "name": self.region}
            return protocol.InvokeResponse(return_value=property_map(found))
        raise ProviderError(
            f"the lab does not know the function {request.tok}; add it to lab/providers/aws/provider.py"
        )


class _missing_dependency:
    """Something that a create or update needs is not there: say so as an error of this resource."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if isinstance(error, NotFound):
            raise ProviderError(
                f"{self.aws.what}: {error}; run `pulumi refresh`, or make what it needs first"
            ) from error


def _decoded(value: Any) -> Any:
    """Provider settings that are no strings arrive as JSON text."""
    if isinstance(value, str) and value[:1] in '[{"tf':
        with suppress(json.JSONDecodeError):
            return json.loads(value)
    return value


def _warm() -> None:
    """What the first request will need."""
    import boto3  # noqa: F401


def main() -> None:
    """Entry point of the plugin. Exits 1 outside a lab run."""
    try:
        guard.check_aws_environment()
    except guard.OutsideTheLab as reason:
        guard.refuse("pulumi-resource-aws", reason)
    serve(AwsProvider(), VERSION, _warm)


if __name__ == "__main__":
    main()

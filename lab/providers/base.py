"""What both plugins do alike: check, diff, and the way from Pulumi's values to plain ones and back."""

import asyncio
import hashlib
import secrets
from typing import Any

import pulumi.provider.experimental.provider as protocol

from lab.providers import limits, types
from lab.providers.replacement import DEFAULTS, Change, Rule, answer, changes, replaces, table, was_written
from lab.providers.serving import OLD_INPUTS, ProviderError
from lab.providers.values import Plain, equal, plain_map, property_map

Inputs = dict[str, Plain]


class LabProvider(protocol.Provider):
    """A provider over plain values. Subclasses do the effects, in worker threads."""

    async def configure(self, request: protocol.ConfigureRequest) -> protocol.ConfigureResponse:
        await asyncio.to_thread(self.do_configure, plain_map(request.args))
        # Without "accept secrets" the engine opens them for us and marks the answer's equally named values again.
        return protocol.ConfigureResponse(supports_preview=True)

    async def check(self, request: protocol.CheckRequest) -> protocol.CheckResponse:
        return await asyncio.to_thread(self._check, request)

    def _check(self, request: protocol.CheckRequest) -> protocol.CheckResponse:
        rule, inputs = table().get(request.type), plain_map(request.new_inputs)
        if rule is None:
            return _refused(
                f"the lab does not know {request.type}; add it to lab/providers/replace.yaml and give it a handler"
            )
        failures = types.check(request.type, inputs) or limits.check(request.type, inputs)
        if failures:
            return _refused(*(f"{path}: {reason}" for path, reason in failures))
        old = plain_map(request.old_inputs)
        filled = self.fill(request.type, rule, request.name, inputs, old, _maker(request.random_seed))
        return protocol.CheckResponse(inputs=property_map(filled))

    async def diff(self, request: protocol.DiffRequest) -> protocol.DiffResponse:
        rule, old, new = table()[request.type], dict(OLD_INPUTS.get()), plain_map(request.new_inputs)
        old, new = self.comparable(request.type, old, plain_map(request.old_state), new)
        found = changes(old, new, self.same(request.type))

        def replacing(change: Change) -> bool:
            return replaces(rule, change, own_account=self.own_account, mutable=self.mutable(rule, new))

        return answer(rule, found, delete_first=self.delete_first(rule, old, new), replacing=replacing)

    async def create(self, request: protocol.CreateRequest) -> protocol.CreateResponse:
        resource_id, state = await asyncio.to_thread(self.do_create, request, plain_map(request.properties))
        return protocol.CreateResponse(resource_id=resource_id, properties=property_map(state))

    async def update(self, request: protocol.UpdateRequest) -> protocol.UpdateResponse:
        olds, news = plain_map(request.olds), plain_map(request.news)
        return protocol.UpdateResponse(
            properties=property_map(await asyncio.to_thread(self.do_update, request, olds, news))
        )

    async def read(self, request: protocol.ReadRequest) -> protocol.ReadResponse:
        inputs, state = plain_map(request.inputs), plain_map(request.properties)
        found = await asyncio.to_thread(self.do_read if inputs else self.do_import, request, inputs, state)
        if found is None:
            return protocol.ReadResponse(resource_id="")
        return protocol.ReadResponse(request.resource_id, property_map(found[1]), property_map(found[0]))

    async def delete(self, request: protocol.DeleteRequest) -> None:
        await asyncio.to_thread(self.do_delete, request, plain_map(request.properties))

    def do_configure(self, config: Inputs) -> None:
        raise NotImplementedError

    def do_create(self, request: protocol.CreateRequest, inputs: Inputs) -> tuple[str, Inputs]:
        raise NotImplementedError

    def do_update(self, request: protocol.UpdateRequest, old: Inputs, new: Inputs) -> Inputs:
        raise NotImplementedError

    def do_read(self, request: protocol.ReadRequest, inputs: Inputs, state: Inputs) -> tuple[Inputs, Inputs] | None:
        """(inputs, state) as they are live, None when it is gone."""
        raise NotImplementedError

    def do_import(self, request: protocol.ReadRequest, inputs: Inputs, state: Inputs) -> tuple[Inputs, Inputs] | None:
        """The same of something that is in no state yet: only its id is known. Raises ProviderError."""
        raise ProviderError(
            f"{request.name}: import and get are not supported by the lab's providers; declare it instead"
        )

    def do_delete(self, request: protocol.DeleteRequest, state: Inputs) -> None:
        raise NotImplementedError

    def fill(self, token: str, rule: Rule, name: str, inputs: Inputs, old: Inputs, make: "NameMaker") -> Inputs:
        """The inputs with what is filled in for the user, above all a name."""
        raise NotImplementedError

    def comparable(self, token: str, old: Inputs, state: Inputs, new: Inputs) -> tuple[Inputs, Inputs]:
        return old, new

    def same(self, token: str) -> Any:
        return equal

    def own_account(self) -> str:
        return ""

    def mutable(self, rule: Rule, new: Inputs) -> tuple[str, ...]:
        return ()

    def delete_first(self, rule: Rule, old: Inputs, new: Inputs) -> bool:
        return rule.autoname is not None and was_written(new, rule.autoname)


class NameMaker:
    """Random ends for names, the same for the same seed (the engine gives one so that plan and update agree)."""

    def __init__(self, seed: bytes) -> None:
        self._seed = seed or secrets.token_bytes(16)

    def __call__(self, stem: str, digits: int) -> str:
        return stem + hashlib.sha256(self._seed + stem.encode()).hexdigest()[:digits]


def _maker(seed: bytes) -> NameMaker:
    return NameMaker(seed)


def autoname(inputs: Inputs, old: Inputs, key: str, make_name: Any) -> Inputs:
    """Fill `key` when it was left out, keeping the name of the last run; recorded in `__defaults`."""
    if inputs.get(key) is not None:
        return inputs
    kept = old.get(key) if key in old.get(DEFAULTS, []) else None
    return {**inputs, key: kept or make_name(), DEFAULTS: [key]}


def _refused(*reasons: str) -> protocol.CheckResponse:
    """Without a property of their own: the engine would print the value beside each, and finds none for a path."""
    return protocol.CheckResponse(inputs={}, failures=[protocol.CheckFailure("", reason) for reason in reasons])

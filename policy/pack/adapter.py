"""Between Pulumi's policy SDK and the absolute rules; it imports neither the SDK nor Pulumi."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from policy.absolute import AbsoluteRule, Resource
from policy.values import UNKNOWN, Value


class Options(Protocol):
    """The part of `pulumi_policy.PolicyResourceOptions` that the rules look at."""

    @property
    def protect(self) -> bool:
        """Whether Pulumi refuses to delete it."""
        ...


class Arguments(Protocol):
    """The part of `pulumi_policy.ResourceValidationArgs` that the rules look at."""

    @property
    def resource_type(self) -> str:
        """The type token."""
        ...

    @property
    def props(self) -> Mapping[str, Any]:
        """The inputs."""
        ...

    @property
    def urn(self) -> str:
        """The URN."""
        ...

    @property
    def name(self) -> str:
        """The name in the program."""
        ...

    @property
    def opts(self) -> Options:
        """The options."""
        ...


def validation(rule: AbsoluteRule, unknown: type[Exception]) -> Callable[[Arguments, Callable[[str], None]], None]:
    """`rule` as the SDK calls it; `unknown` is what the SDK raises for a value that is known only after apply."""

    def validate(args: Arguments, report: Callable[[str], None]) -> None:
        for found in rule.violations(resource(args, unknown)):
            report(f"{found.property}: {found.message}. What to do: {found.advice}.")

    return validate


def resource(args: Arguments, unknown: type[Exception]) -> Resource:
    """What the rules judge."""
    parts = args.urn.split("::")
    return Resource(
        type=args.resource_type,
        name=args.name,
        inputs={str(key): _plain(args.props, key, unknown) for key in args.props},
        parents=tuple(parts[2].split("$")[:-1]) if len(parts) > 3 else (),
        protect=bool(args.opts.protect),
    )


def _plain(holder: Any, key: Any, unknown: type[Exception]) -> Value:
    """Plain data out of the SDK's proxies, which raise where a value is not known yet."""
    try:
        value = holder[key]
    except unknown:
        return UNKNOWN
    if isinstance(value, Mapping):
        return {str(each): _plain(value, each, unknown) for each in value}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(value, place, unknown) for place in range(len(value))]
    return value

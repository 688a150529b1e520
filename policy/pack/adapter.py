"""Between Pulumi's policy SDK and the absolute rules; it imports neither the SDK nor Pulumi."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from policy.absolute.rules import AbsoluteRule, Resource
from policy.secrecy.stand_ins import Secrets, shown
from policy.values import UNKNOWN, Urn, Value


class Arguments(Protocol):
    """The part of `pulumi_policy.ResourceValidationArgs` that the rules look at."""

    resource_type: str
    props: Mapping[str, Any]
    urn: str
    name: str
    opts: Any
    """`protect` says whether Pulumi refuses to delete it."""


def validation(rule: AbsoluteRule, unknown: type[Exception]) -> Callable[[Arguments, Callable[[str], None]], None]:
    """`rule` as the SDK calls it; `unknown` is what the SDK raises for a value that is known only after apply."""

    def validate(args: Arguments, report: Callable[[str], None]) -> None:
        for place, message in rule.check(resource(args, unknown)):
            report(shown(f"{place}: {message}. What to do: {rule.advice}."))

    return validate


def resource(args: Arguments, unknown: type[Exception]) -> Resource:
    """What the rules judge."""
    return Resource(
        type=args.resource_type,
        name=args.name,
        inputs=Secrets().read({str(key): _plain(args.props, key, unknown) for key in args.props}, args.resource_type),
        parents=Urn.read(args.urn).parents,
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

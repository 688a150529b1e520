"""The three stacks declared against Pulumi's mocks, with the committed stack files as configuration.

bench/preview.py times this: nothing of pytest here.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from unittest.mock import patch

import pulumi
import yaml
from pulumi.runtime.config import set_all_config
from pulumi.runtime.mocks import MockMonitor

from lab.project import SECRETS
from tests.support.plans import ROOT

PROD_OUTPUTS = {
    "primary_host": "primary.test",
    "primary_port": "5432",
    "ssl_mode": "require",
    "primary_ca": "",
    "redis_host": "redis.test",
    "redis_port": "6379",
    "redis_tls": "yes",
    "redis_ca": "",
    "edge": "edge.test:443",
    "system_identifier": "",
}


@dataclass
class Declared:
    """One resource as the program declared it; `after` are the URNs of what must be there before, `ignored` what
    an update leaves as it is."""

    type: str
    name: str
    inputs: dict[str, Any]
    urn: str = ""
    protected: bool = False
    kept_on_delete: bool = False
    parent: str = ""
    provider: str = ""
    after: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


class Monitor(MockMonitor):
    """The mocks' monitor, which also notes what the mocks themselves are not told."""

    def __init__(self, mocks: "Mocks") -> None:
        super().__init__(mocks)
        self.found = mocks.found

    def RegisterResource(self, request: Any) -> Any:
        """Options and URN."""
        answer = super().RegisterResource(request)
        for each in self.found:
            if (each.type, each.name) == (request.type, request.name):
                each.urn, each.protected, each.kept_on_delete = answer.urn, request.protect, request.retainOnDelete
                each.parent, each.after = request.parent, tuple(request.dependencies)
                each.provider, each.ignored = request.provider, tuple(request.ignoreChanges)
        return answer


@dataclass
class Mocks(pulumi.runtime.Mocks):
    """Remembers everything; answers with what AWS or Kubernetes would add."""

    found: list[Declared] = field(default_factory=list)
    production: dict[str, str] = field(default_factory=lambda: PROD_OUTPUTS)

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        """Inputs become outputs."""
        self.found.append(Declared(args.typ, args.name, dict(args.inputs)))
        state = {**args.inputs, "arn": f"arn:aws:test:::{args.name}", "keyId": args.name}
        if args.typ == "pulumi:pulumi:StackReference":
            state["outputs"] = self.production
        if args.typ == "aws:eks/cluster:Cluster":
            state |= {"endpoint": "https://dr.test", "certificateAuthority": {"data": "Y2E="}}
            state["vpcConfig"] = {**args.inputs["vpcConfig"], "vpcId": "vpc-dr", "clusterSecurityGroupId": "sg-nodes"}
        if args.typ == "aws:eks/nodeGroup:NodeGroup":
            state["resources"] = [{"autoscalingGroups": [{"name": "eks-nodes"}]}]
        if args.typ == "aws:lb/loadBalancer:LoadBalancer":
            state["dnsName"] = f"{args.inputs['name']}-1.us-west-2.elb.amazonaws.com"
        if args.typ == "kubernetes:core/v1:Service":
            state["spec"] = {**args.inputs["spec"], "clusterIP": "10.100.0.7"}
        return f"{args.name}-id", state

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        """No stack asks anything."""
        raise AssertionError(f"unexpected call {args.token}")


def committed_config(stack: str) -> dict[str, Any]:
    """The committed stack file's values, with every secret set."""
    config = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"]
    return {**config, **{f"ultramarket-dr:{key}": "not-a-secret" for key in SECRETS[stack]}}


def configure(stack: str, changes: Mapping[str, Any] | None = None, *, plain: tuple[str, ...] = ()) -> None:
    """Make `stack` the current one. A change of None leaves the key out; keys in `plain` are not marked secret."""
    values = {**committed_config(stack), **{f"ultramarket-dr:{k}": v for k, v in (changes or {}).items()}}
    texts = {key: _text(value) for key, value in values.items() if value is not None}
    set_all_config(texts, [f"ultramarket-dr:{key}" for key in SECRETS[stack] if key not in plain])


def declare(
    stack: str, changes: Mapping[str, Any] | None = None, outputs: Mapping[str, str] | None = None
) -> list[Declared]:
    """Run the program for `stack` and return what it declared. `outputs` are those of prod that differ.

    The same configuration is declared once a process, and everybody gets a copy: with a plan of the test's own, whose
    file may change, the program runs each time.
    """
    if "plan" in (changes or {}):
        return declare_anew(stack, changes, outputs)
    return deepcopy(_declared(stack, json.dumps([changes, outputs])))


@cache
def _declared(stack: str, changed: str) -> list[Declared]:
    return declare_anew(stack, *json.loads(changed))


def declare_anew(
    stack: str, changes: Mapping[str, Any] | None = None, outputs: Mapping[str, str] | None = None
) -> list[Declared]:
    """Run the program, whatever has been declared before."""
    from infra import program

    return declare_by(program.run, stack, changes, outputs)


def declare_by(
    declares: Callable[[], object],
    stack: str,
    changes: Mapping[str, Any] | None = None,
    outputs: Mapping[str, str] | None = None,
) -> list[Declared]:
    """What `declares` declares when it is run as the program of `stack`."""
    mocks = Mocks(production={**PROD_OUTPUTS, **(outputs or {})})
    asyncio.set_event_loop(loop := asyncio.new_event_loop())
    try:
        pulumi.runtime.set_mocks(mocks, project="ultramarket-dr", stack=stack, monitor=Monitor(mocks))
        configure(stack, changes)
        run: Callable[[], None] = pulumi.runtime.test(declares)
        with patch("pulumi.resource_hooks.register_resource_hook", _registered):
            run()
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    return mocks.found


def _registered(_: object) -> asyncio.Future[None]:
    """The mocks have nobody who would call a hook: tests/lab/test_only_site.py has."""
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    done.set_result(None)
    return done


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value)

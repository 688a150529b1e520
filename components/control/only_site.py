"""The dr stack's lock: a site that may be the only one does not go by accident."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pulumi

_ASK_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class OnlySiteArgs:
    """`plan_file` as the stack reads it."""

    plan_file: str
    account: str


class OnlySite(pulumi.ComponentResource):
    """Made of nothing, after all that it is told to depend on, so a destroy comes to it first and stops at it.

    Protected: `pulumi destroy` is refused as a whole, `--exclude-protected` leaves all it depends on. Unprotected, it
    asks who holds the lease before it goes: Pulumi then wants `--run-program`, and the DR site's lease refuses.
    """

    def __init__(self, name: str, args: OnlySiteArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        def ask(_: pulumi.ResourceHookArgs) -> None:
            """Raises RuntimeError with what `dr check destroy` says."""
            dr = str(Path(sys.executable).with_name("dr"))
            asked = [dr, "check", "destroy", "--plan", args.plan_file, "--account", args.account]
            done = subprocess.run(asked, capture_output=True, text=True, timeout=_ASK_SECONDS, check=False)
            if done.returncode:
                raise RuntimeError(done.stderr.strip())

        hooks = pulumi.ResourceHookBinding(before_delete=[pulumi.ResourceHook(f"{name}-lease", ask)])
        locked = pulumi.ResourceOptions(protect=True, hooks=hooks)
        super().__init__("ultramarket:dr:OnlySite", name, None, pulumi.ResourceOptions.merge(opts, locked))
        self.register_outputs({})

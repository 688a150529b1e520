"""What a command knows about where it runs: plan, account, site. Read once, at the edge of the program."""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import cast

from cloud.session import caller_account, require_account
from recovery.errors import Refused
from recovery.names import Names
from recovery.plan.loading import load_plan
from recovery.plan.plan import SITES, Plan, SiteName


@dataclass(frozen=True)
class Context:
    """Plan, account and site of one invocation. Account and site are checked when first needed."""

    plan: Plan
    account_option: str
    site_option: str

    @classmethod
    def load(cls, plan: Path, account: str = "", site: str = "") -> "Context":
        """Read the plan. Raises PlanError."""
        return cls(load_plan(plan), account, site)

    @cached_property
    def site(self) -> SiteName:
        """Raises Refused when no or an unknown site was named."""
        if self.site_option not in SITES:
            found = f"found {self.site_option!r}" if self.site_option else "none was given"
            raise Refused(f"which site is this? {found}", next_step="pass --site prod or --site dr (or set DR_SITE)")
        return cast("SiteName", self.site_option)

    @cached_property
    def region(self) -> str:
        """The region whose endpoints are asked first: the site's own, else the DR region."""
        return self.plan.site(self.site if self.site_option else "dr").region

    @cached_property
    def account(self) -> str:
        """The account; a named one must be the credentials' own. Raises Refused, Unreachable."""
        if not self.account_option:
            return caller_account(self.region)
        require_account(self.account_option, self.region)
        return self.account_option

    @cached_property
    def names(self) -> Names:
        """Names in this account."""
        return Names(self.plan, self.account)


def secret(name: str) -> str:
    """A secret from the file named by `NAME_FILE`, else from `NAME`. Raises Refused when there is none."""
    path = os.environ.get(f"{name}_FILE")
    if path:
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not text"
            advice = f"see that {name}_FILE names a file with the secret that this user may read"
            raise Refused(f"{name}_FILE: {path} cannot be read: {reason}", next_step=advice) from None
    value = os.environ.get(name)
    if not value:
        raise Refused(f"{name} is not set", next_step=f"set {name}_FILE to a file with the secret, or {name} itself")
    return value

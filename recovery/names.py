"""Every name that two places must agree on, derived from the plan and the account: no stack needs another's state."""

from dataclasses import dataclass
from datetime import datetime

from recovery.plan import Plan, SiteName

PREFIX = "ultramarket"
POINTERS = "pointers/"
BUNDLE_KEY = "bundle/bundle.json"
MARKER_KEY = "failover/dr-active"
MARKER_TEXT = "ultramarket-dr-active"
CANARY_KEY = "failover/canary"
CANARY_TEXT = "ultramarket-dr-canary"
GATE_SERVICE = "postgres-gate"
COMPONENT = "app.kubernetes.io/component"
GATE_LABEL = {COMPONENT: "gate"}
BACKUP_LABEL = {COMPONENT: "backup"}
OPERATOR_LABEL = {COMPONENT: "operator"}
OPERATOR_WORKSPACE = "dr-operator"
PROMOTER_ROLE = "dr-promoter"
"""The Kubernetes Role with what promotion needs in the cluster."""
STRATEGY_CONFIG = "dr-config"
PLAN_FOLDER = "/etc/ultramarket-dr"
PLAN_FILE = f"{PLAN_FOLDER}/recovery.yaml"
POSTGRES_PORT = 5432

# Service accounts, one per duty; some are named before their Pods exist, so that the roles are there first.
BACKUP_ACCOUNT = "dr-backup"
GUARD_ACCOUNT = "dr-guard"
OPERATOR_ACCOUNT = "dr-operator"
SHIPPER_ACCOUNT = "dr-shipper"
RESTORER_ACCOUNT = "dr-restorer"
MONITOR_ACCOUNT = "dr-monitor"
PRUNER_ACCOUNT = "dr-pruner"

# Database roles, one per duty.
ROLE_BACKUP = "dr_backup"
ROLE_GUARD = "dr_guard"
ROLE_REPLICATION = "dr_replication"
ROLE_PROMOTER = "dr_promoter"


@dataclass(frozen=True)
class Names:
    """Names of what the stacks declare and the scripts use, for one AWS account."""

    plan: Plan
    account: str

    @property
    def control_table(self) -> str:
        """The DynamoDB table that holds the lease and the journal."""
        return f"{PREFIX}-dr-control"

    def account_of_copies(self, site: SiteName) -> str:
        """The account with the bucket and the key of `site`'s region: for the DR region one of its own, when the plan
        names it, that production's administrators do not reach."""
        return (self.plan.backup_account or self.account) if site == "dr" else self.account

    @property
    def apart(self) -> bool:
        """Are the DR region's copies in an account of their own?"""
        return self.account_of_copies("dr") != self.account

    def backup_bucket(self, site: SiteName) -> str:
        """The bucket with backups in `site`'s region."""
        return f"{PREFIX}-backups-{self.account_of_copies(site)}-{self.plan.site(site).region}"

    @property
    def assets_bucket(self) -> str:
        """The copy of production's static assets, in the DR region."""
        return f"{PREFIX}-assets-{self.account_of_copies('dr')}-{self.plan.sites.dr.region}"

    @property
    def marker_bucket(self) -> str:
        """The bucket of the failover marker, in the DR region."""
        return f"{PREFIX}-failover-{self.account}-{self.plan.sites.dr.region}"

    @property
    def marker_host(self) -> str:
        """Where Route 53's checkers read the marker: the regional name, since the global one depends on us-east-1."""
        return f"{self.marker_bucket}.s3.{self.plan.sites.dr.region}.amazonaws.com"

    @property
    def dr_cluster(self) -> str:
        """The warm EKS cluster."""
        return f"{PREFIX}-dr"

    @property
    def bundle_url(self) -> str:
        """What `dr promote` reads first."""
        return f"s3://{self.backup_bucket('dr')}/{BUNDLE_KEY}"

    @property
    def alarm_topic(self) -> str:
        """The SNS topic for alarms; one in each site's region."""
        return f"{PREFIX}-dr-alarms"

    def alarm_topic_arn(self, region: str, account: str = "") -> str:
        """The ARN of `alarm_topic`, in production's account when none is named."""
        return f"arn:aws:sns:{region}:{account or self.account}:{self.alarm_topic}"

    def alarm_rule(self, what: str) -> str:
        """The EventBridge rule that watches `what`."""
        return f"{PREFIX}-dr-watch-{what}"

    def role_name(self, duty: str) -> str:
        """The IAM role of one duty, for example `writer`."""
        return f"{PREFIX}-dr-{duty}"

    def role_arn(self, duty: str, account: str = "") -> str:
        """The ARN of `role_name`, in production's account when none is named. Only break-glass, which may open copies,
        is in each account that holds some."""
        return f"arn:aws:iam::{account or self.account}:role/{self.role_name(duty)}"


def namespace_identity(site: SiteName, account: str, region: str) -> dict[str, str]:
    """Annotations of a site's namespace: declared with the cluster, compared by `dr promote` before any effect."""
    domain = "dr.ultramarket.com"
    return {f"{domain}/site": site, f"{domain}/account": account, f"{domain}/region": region}


def backup_prefix(dataset: str, kind: str, *, epoch: int, source: str, started: datetime, run: str) -> str:
    """The folder of one backup; epoch and source keep a fenced site from overwriting its successor's copies."""
    return f"{dataset}/{kind}/{epoch:08d}/{source}/{started:%Y%m%dT%H%M%SZ}-{run}/"


def manifest_key(prefix: str) -> str:
    """The object whose presence makes `prefix` a backup."""
    return f"{prefix}manifest.json"


def pointer_key(dataset: str, kind: str) -> str:
    """The small object that names the newest backup of a kind."""
    return f"{POINTERS}{dataset}/{kind}.json"

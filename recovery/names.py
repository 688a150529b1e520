"""Every name that two places must agree on, derived from the plan and the account: no stack needs another's state."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from recovery.plan.sites import SITES, SiteName

if TYPE_CHECKING:
    from recovery.plan.plan import Plan

PREFIX = "ultramarket"
POINTERS = "pointers/"
PACKS = "files/packs/"
"""The contents of files, which copies share."""
BUNDLE_KEY = "bundle/bundle.json"
MARKER_KEY = "failover/dr-active"
MARKER_TEXT = "ultramarket-dr-active"
CANARY_KEY = "failover/canary"
CANARY_TEXT = "ultramarket-dr-canary"
GATE_SERVICE = "postgres-gate"
COMPONENT = "app.kubernetes.io/component"
GATE_LABEL = {COMPONENT: "gate"}
BACKUP_LABEL = {COMPONENT: "backup"}
REDIS_BACKUP_LABEL = {COMPONENT: "redis-backup"}
OPERATOR_LABEL = {COMPONENT: "operator"}
MONITOR_LABEL = {COMPONENT: "monitor"}
LOG_SHIPPER = "log-shipper"
SHIPPER_LABEL = {COMPONENT: LOG_SHIPPER}
WALL_LABEL = {COMPONENT: "wall"}
PRUNER_LABEL = {COMPONENT: "pruner"}
EXPORTER_LABEL = {COMPONENT: "exporter"}
BESIDE = "postgres-beside"
"""The server beside the standby that a restore brings up to look into: its Deployment, and the ConfigMap that says of
what moment it is."""
BESIDE_LABEL = {COMPONENT: "beside"}
RESTORE_NAMESPACE = f"{PREFIX}-restore"
"""The namespace of the DR cluster in which copies are restored into claims, for servers that are not ours."""
RESTORE_TEMPLATE = "restore-postgres"
"""The CronJob there that never runs: what a restore's Job is made of."""
RESTORE_LABEL = {COMPONENT: "restore"}
OPERATOR_WORKSPACE = "dr-operator"
PROMOTER_ROLE = "dr-promoter"
"""The Kubernetes Role with what promotion needs in the cluster."""
PROMOTER_NODES_ROLE = "dr-promoter-nodes"
"""The ClusterRole that lets it see what the nodes have left, and what becomes of a volume without its claim."""
DISK_CLASS = "ultramarket-dr"
"""The StorageClass of volumes with databases, at either site."""
SCRATCH_DISK_CLASS = "ultramarket-dr-scratch"
"""The StorageClass of volumes there that go with their Pod."""
LOG_SLOT = "dr_log"
"""The replication slot that keeps the log for its shipper, at whichever site ships."""
STANDBY = "postgres-standby"
"""The DR site's database: its StatefulSet and its Service."""
STANDBY_LABEL = {COMPONENT: "postgres"}
STANDBY_CLAIM = f"data-{STANDBY}-0"
"""The claim of the standby's disk: the StatefulSet's template, its name, its only Pod."""
STANDBY_ORDER = f"{STANDBY}-order"
"""The ConfigMap by which a promotion says what an empty disk of the standby is filled with: a moment, or the newest."""
REPLICA = "postgres-replica"
"""The replica in production's site: its StatefulSet and its Service."""
REPLICA_LABEL = {COMPONENT: "replica"}
REPLICA_SLOT = "prod_replica"
"""The slot on production's primary by which it follows."""
REDIS_REPLICA = "redis-replica"
"""The DR site's Redis: its StatefulSet and its Service."""
REDIS_REPLICA_LABEL = {COMPONENT: "redis"}
REDIS_REPLICA_CLAIM = f"data-{REDIS_REPLICA}-0"
"""The claim of its disk."""
REDIS_GATE_SERVICE = "redis-gate"
"""The Service by which applications reach Redis, at either site: through the site's gate."""
PINNED_SETTING = "dr.pinned"
"""A setting of the standby's server: the position that its data were restored to, where they stay at one."""
STRATEGY_CONFIG = "dr-config"
PLAN_MAP = "dr-plan"
"""The ConfigMap with the plan, of one name whatever the plan says: a Pod that is not ours mounts it too."""
PLAN_FOLDER = "/etc/ultramarket-dr"
PLAN_FILE = f"{PLAN_FOLDER}/recovery.yaml"
POSTGRES_PORT = 5432
REDIS_PORT = 6379
TEMPORARY_BYTES = "DR_TMP_BYTES"
"""Variable: how much a container may write below its temporary folder. Kubelet ends the Pod that writes more, and the
file system, which is the node's, says nothing of it."""
SCRATCH = "DR_SCRATCH"
"""Variable: a folder with room for an unpacked backup."""
ACCEPTED_INCREMENTALS = "DR_ACCEPT_INCREMENTALS_OF"
"""Variable, and the option `--accept-incrementals-of`: the override in `recovery.copies.chain`."""
READ_REPLICA = "DR_REPLICA"
"""Variable, and the option `--replica`: the replica that backups are read of, as host:port, where there is one."""
RESTORED_SERVER = "DR_RESTORED_SERVER"
"""Variable, and the option `--server`: product and version of the server that a restored Redis is for."""
NEW_TABLESPACES = "DR_NEW_TABLESPACES"
"""Variable, and the option `--new-tablespace`: paths, with commas between, at which a replay may make a
tablespace although files are there."""
FILES_SOURCE = "DR_FILES_SOURCE"
"""Variable: the folder that files are copied from; by default the plan's `root`."""
ACCEPTED_LOSS = "DR_ACCEPT_FEWER_FILES"
"""Variable, and the option `--accept-fewer-files`: most files are gone, and that is right."""
ONLY_FILES = "DR_ONLY_FILES"
"""Variable, and the option `--only`: a pattern of what a restore of files brings back."""
FIELD_MANAGER = "dr-restore"
"""Under which a restore of cluster objects applies them."""
KEY_ALIAS = f"alias/{PREFIX}-backups"
"""Of each region's backup key."""
WITH_SECRETS = "DR_WITH_SECRETS"
"""Variable, and the option `--with-secrets`: what is sealed in a copy of configuration is written opened."""
REPLICATION_RULE = "all-copies"
# What the monitor publishes in CloudWatch: a level (0 ok, 1 warning, 2 critical, 3 unknown) for each finding.
METRICS_NAMESPACE = "UltraMarketDR"
LEVEL_METRIC = "Level"
WORST_FINDING = "worst"
GATE_PORT = 6432
"""Where the gate listens in a Pod that it shares with its database; its Service stays at POSTGRES_PORT."""
REDIS_GATE_PORT = 7379
"""Where the gate listens for Redis, whichever Pod it is in; its Service is at REDIS_PORT."""
OWN_LOOPBACK = "127.0.0.1"
"""A Pod's, which its containers share and nobody else reaches."""
LOG_CONTAINER = "log"
LOG_PORT = 6433
"""Where the standby's restore_command finds the log, on its Pod's own loopback address."""
GATE_FOLDER = "/run/postgres-gate"
"""Of the database's Unix socket, through which the gate reaches it; nothing else mounts this folder."""
SOCKET_VOLUME = "gate"
SSL_MODES = ("disable", "require", "verify-ca", "verify-full")
"""libpq's `sslmode` for connections to production's primary, the weakest first; `allow` and `prefer` protect nothing.
https://www.postgresql.org/docs/18/libpq-ssl.html#LIBPQ-SSL-PROTECTION"""
GUARD_CONTAINER = "guard"
SKIP_CREDENTIALS = "eks.amazonaws.com/skip-containers"
"""A Pod's annotation: EKS's webhook gives AWS credentials to every container but these.
https://github.com/aws/amazon-eks-pod-identity-webhook"""

# Service accounts, one per duty; some are named before their Pods exist, so that the roles are there first.
BACKUP_ACCOUNT = "dr-backup"
EXPORTER_ACCOUNT = "dr-exporter"
GUARD_ACCOUNT = "dr-guard"
OPERATOR_ACCOUNT = "dr-operator"
SHIPPER_ACCOUNT = "dr-shipper"
RESTORER_ACCOUNT = "dr-restorer"
MONITOR_ACCOUNT = "dr-monitor"
PRUNER_ACCOUNT = "dr-pruner"
WALL_ACCOUNT = "dr-wall"

ACCOUNT_OF_DUTY = {
    "writer": BACKUP_ACCOUNT,
    "exporter": EXPORTER_ACCOUNT,
    "shipper": SHIPPER_ACCOUNT,
    "restorer": RESTORER_ACCOUNT,
    "monitor": MONITOR_ACCOUNT,
    "pruner": PRUNER_ACCOUNT,
    "guard": GUARD_ACCOUNT,
    "wall": WALL_ACCOUNT,
    "promoter": OPERATOR_ACCOUNT,
}
"""In the order of a copy's life: whose Pods get the duty's role."""
MORE_NAMESPACES: dict[tuple[str, SiteName], tuple[str, ...]] = {(RESTORER_ACCOUNT, "dr"): (RESTORE_NAMESPACE,)}
"""Where else a site has Pods with a duty's service account of that name, besides its own namespace."""
_ONLY_AT: dict[str, SiteName] = {"wall": "prod", "promoter": "dr"}


def sites_of_duty(duty: str) -> tuple[SiteName, ...]:
    """Whose clusters have Pods with the duty's role."""
    return (_ONLY_AT[duty],) if duty in _ONLY_AT else SITES


# Database roles, one per duty.
ROLE_BACKUP = "dr_backup"
ROLE_GUARD = "dr_guard"
ROLE_REPLICATION = "dr_replication"
ROLE_PROMOTER = "dr_promoter"
ROLE_MONITOR = "dr_monitor"


@dataclass(frozen=True)
class Names:
    """Names of what the stacks declare and the scripts use, for one AWS account."""

    plan: "Plan"
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
        """Whether the DR region's copies are in an account of their own."""
        return self.account_of_copies("dr") != self.account

    def backup_bucket(self, site: SiteName) -> str:
        """The bucket with backups in `site`'s region."""
        return f"{PREFIX}-backups-{self.account_of_copies(site)}-{self.plan.site(site).region}"

    def key_alias_arn(self, site: SiteName) -> str:
        """The ARN of the alias of the backup key in `site`'s region."""
        return f"arn:aws:kms:{self.plan.site(site).region}:{self.account_of_copies(site)}:{KEY_ALIAS}"

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
    def dr_load_balancer(self) -> str:
        """The DR site's edge; at most 32 characters."""
        return f"{PREFIX}-dr-edge"

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
        """The EventBridge rule or CloudWatch alarm that watches `what`."""
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


def guard_item(site: SiteName) -> str:
    """The key of what a site's guard says of itself, in the control table."""
    return f"guard/{site}"


def backup_folder(dataset: str, kind: str, *, epoch: int, source: str, started: datetime, run: str) -> str:
    """The folder of one backup; epoch and source keep a fenced site from overwriting its successor's copies."""
    return f"{dataset}/{kind}/{epoch:08d}/{source}/{started:%Y%m%dT%H%M%SZ}-{run}/"


@dataclass(frozen=True, slots=True)
class BackupFolder:
    """What the name of a backup's folder says; `id` is its last part, start and run."""

    dataset: str
    kind: str
    epoch: int
    source: str
    id: str

    @property
    def started(self) -> datetime:
        """When its backup began. Raises ValueError for an id that says none."""
        return datetime.strptime(f"{self.id[:16]}+0000", "%Y%m%dT%H%M%SZ%z")

    def beside(self, kind: str, backup: str) -> str:
        """The folder of another backup of this source and epoch."""
        return f"{self.dataset}/{kind}/{self.epoch:08d}/{self.source}/{backup}/"


def parse_backup_folder(folder: str) -> BackupFolder:
    """The inverse of `backup_folder`. Raises ValueError for what is no such folder."""
    dataset, kind, epoch, source, backup, _ = folder.split("/")
    return BackupFolder(dataset, kind, int(epoch), source, backup)


def folder_of(key: str) -> str:
    """The folder that an object lies in."""
    return key.rpartition("/")[0] + "/"


def shared_prefix(dataset: str) -> str:
    """Where all runs of a dataset put what later ones use again; empty for a dataset each of whose copies has all of
    its objects in its own folder."""
    return PACKS if dataset == "files" else ""


def pack_key(sha256: str) -> str:
    """The object that holds the contents of files, by the SHA-256 of what is stored."""
    return f"{PACKS}{sha256}.zst"


def manifest_key(folder: str) -> str:
    """The object whose presence makes `folder` a backup."""
    return f"{folder}manifest.json"


def backup_cron_job(dataset: str, kind: str) -> str:
    """The CronJob that makes a copy, the same name at both sites."""
    return f"backup-{dataset}-{kind}"


def due_cron_job(dataset: str) -> str:
    """The CronJob that makes a full backup when one is due before its schedule, the same name at both sites."""
    return f"backup-{dataset}-due"


def prune_cron_job(bucket: SiteName) -> str:
    """The CronJob that prunes the bucket of a site's region, the same name at both sites."""
    return f"prune-{bucket}"


def pointer_prefix(dataset: str, kind: str) -> str:
    """The folder of a kind's pointers, one an epoch."""
    return f"{POINTERS}{dataset}/{kind}/"


def pointer_key(dataset: str, kind: str, epoch: int) -> str:
    """The small object that names the newest backup of a kind in an epoch; the last of these keys is the newest."""
    return f"{pointer_prefix(dataset, kind)}{epoch:08d}.json"

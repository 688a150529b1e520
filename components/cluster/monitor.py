"""What looks at everything that a failover depends on, every few minutes, and publishes what it found."""

from dataclasses import dataclass
from datetime import timedelta

import pulumi
import pulumi_kubernetes as k8s

from components import workload
from components.children import as_child
from components.cluster.cluster_access import ACCESS_FOLDER, access_mount, access_volume, declare_access
from components.identity import declare_identity, declare_login
from components.runner_pod import on_schedule, runner_pod
from components.runners import Runners
from recovery.monitoring.alarms import EVERY
from recovery.names import BESIDE, MONITOR_ACCOUNT, MONITOR_LABEL, ROLE_MONITOR, STANDBY_CLAIM

_ACCESS, _LOGIN, _ROLE = "dr-monitor-access", "dr-monitor-login", "dr-monitor"
_REDIS_LOGIN = "dr-monitor-redis-login"
_MINUTES = int(EVERY.total_seconds() // 60)
_GAP = timedelta(minutes=_MINUTES)


@dataclass(frozen=True, kw_only=True)
class MonitorArgs:
    """`password` is the database role dr_monitor's, `redis_password` that of Redis's user of this name; `endpoint` the
    cluster's as in the bundle."""

    at: Runners
    password: pulumi.Input[str]
    redis_password: pulumi.Input[str]
    endpoint: pulumi.Input[str]
    ca_data: pulumi.Input[str]


class Monitor(pulumi.ComponentResource):
    """`dr status --publish` as a CronJob at the DR site, which survives what it watches. One that fails or never runs
    is told by the alarms on what it does not publish, so nothing retries."""

    def __init__(self, name: str, args: MonitorArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ultramarket:dr:Monitor", name, None, opts)
        at = args.at
        identified = declare_identity(name, at, "monitor", self, login=_LOGIN, password=args.password)
        keys = declare_login(f"{name}-redis", _REDIS_LOGIN, at.namespace, args.redis_password, self)
        access = declare_access(name, _ACCESS, at.namespace, (at.cluster, args.endpoint, args.ca_data), self)
        self._rights(name, at.namespace)
        pod = runner_pod(
            "monitor",
            ["dr", "status", "--publish"],
            at,
            "monitor",
            labels=MONITOR_LABEL,
            logins={"PGPASSWORD": _LOGIN, "REDIS_PASSWORD": _REDIS_LOGIN},
            environment={
                "DR_BUNDLE": at.names.bundle_url,
                "KUBECONFIG": f"{ACCESS_FOLDER}/kubeconfig",
                "PGUSER": ROLE_MONITOR,
                "REDIS_USER": ROLE_MONITOR,
            },
            mounts=[access_mount()],
            volumes=[access_volume(_ACCESS)],
        )
        k8s.batch.v1.CronJob(
            f"{name}-job",
            metadata=workload.metadata("dr-monitor", at.namespace),
            spec=on_schedule(f"*/{_MINUTES} * * * *", pod, start_deadline=_GAP, time_limit=_GAP, history=1),
            opts=as_child(self, depends_on=[*identified, keys, access]),
        )
        self.register_outputs({})

    def _rights(self, name: str, namespace: pulumi.Input[str]) -> None:
        """Look at Deployments, at Pods for what is wrong with them, at scheduled Jobs, at how large the disk is, and at
        what was restored beside the site."""
        role = k8s.rbac.v1.Role(
            f"{name}-role",
            metadata=workload.metadata(_ROLE, namespace),
            rules=[
                {"api_groups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list"]},
                {"api_groups": [""], "resources": ["pods"], "verbs": ["get", "list"]},
                {"api_groups": ["batch"], "resources": ["cronjobs", "jobs"], "verbs": ["list"]},
                {
                    "api_groups": [""],
                    "resources": ["persistentvolumeclaims"],
                    "resource_names": [STANDBY_CLAIM],
                    "verbs": ["get"],
                },
                {"api_groups": [""], "resources": ["configmaps"], "resource_names": [BESIDE], "verbs": ["get"]},
            ],
            opts=as_child(self),
        )
        k8s.rbac.v1.RoleBinding(
            f"{name}-binding",
            metadata=workload.metadata(_ROLE, namespace),
            role_ref={"api_group": "rbac.authorization.k8s.io", "kind": "Role", "name": _ROLE},
            subjects=[{"kind": "ServiceAccount", "name": MONITOR_ACCOUNT, "namespace": namespace}],
            opts=as_child(self, depends_on=[role]),
        )

"""Every kind that the lab's Kubernetes provider knows, in two versions."""

from typing import Any

import pulumi
import pulumi_kubernetes as k8s

config = pulumi.Config()
namespace, image = config.require("namespace"), config.require("image")
first = (config.get_int("version") or 1) == 1
options = pulumi.ResourceOptions(provider=k8s.Provider("cluster", kubeconfig=config.require("kubeconfig")))
skip = {"pulumi.com/skipAwait": "true"}


def named(name: str, **more: dict[str, str]) -> Any:
    return {"name": name, "namespace": namespace, **more}


def pod(script: str, **more: object) -> Any:
    container = {
        "name": "main",
        "image": image,
        "command": ["python", "-u", "-c", script],
        "env": [{"name": "EMPTY", "value": ""}, {"name": "VERSION", "value": "1" if first else "2"}],
        "resources": {"requests": {"cpu": "0.5", "memory": "1024Mi"}},
    }
    return {"containers": [container], **more}


home = k8s.core.v1.Namespace("home", metadata={"name": namespace, "labels": {"tier": "dr"}}, opts=options)
inside = pulumi.ResourceOptions.merge(options, pulumi.ResourceOptions(depends_on=[home]))
k8s.core.v1.ServiceAccount("account", metadata=named("shipper"), opts=inside)
k8s.core.v1.Secret(
    "secret", metadata=named("database"), string_data={"password": config.require_secret("password")}, opts=inside
)
k8s.core.v1.ConfigMap("settings", metadata=named("dr-config"), data={"rpo": "300" if first else "60"}, opts=inside)
made_up = k8s.core.v1.ConfigMap("made-up", metadata={"namespace": namespace}, data={"a": "b"}, opts=inside)
service = k8s.core.v1.Service(
    "service",
    metadata=named("orders"),
    spec={"selector": {"app": "orders"}, "ports": [{"port": 80, "target_port": 8080}]},
    opts=inside,
)
labels = {"app": "orders"}
k8s.apps.v1.Deployment(
    "orders",
    metadata=named("orders"),
    spec={
        "selector": {"match_labels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod("import time; time.sleep(999)")},
    },
    opts=inside,
)
k8s.apps.v1.StatefulSet(
    "standby",
    metadata=named("standby", annotations=skip),
    spec={
        "replicas": 0,
        "service_name": "orders",
        "selector": {"match_labels": {"app": "standby"}},
        "template": {"metadata": {"labels": {"app": "standby"}}, "spec": pod("pass")},
        "volume_claim_templates": [
            {
                "metadata": {"name": "data"},
                "spec": {"access_modes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
            }
        ],
    },
    opts=inside,
)
k8s.apps.v1.Deployment(
    "stopped",
    metadata=named("stopped"),
    spec={
        "replicas": 0,
        "revision_history_limit": 1 if first else 2,
        "selector": {"match_labels": {"app": "stopped"}},
        "template": {"metadata": {"labels": {"app": "stopped"}}, "spec": pod("import time; time.sleep(999)")},
    },
    opts=pulumi.ResourceOptions.merge(inside, pulumi.ResourceOptions(ignore_changes=["spec.replicas"])),
)
job: Any = {"template": {"spec": pod("print('done')", restart_policy="Never")}, "backoff_limit": 0}
k8s.batch.v1.Job("once", metadata=named("once"), spec=job, opts=inside)
k8s.batch.v1.CronJob(
    "nightly",
    metadata=named("nightly"),
    spec={
        "schedule": "0 2 * * *" if first else "0 3 * * *",
        "time_zone": "Europe/Amsterdam",
        "concurrency_policy": "Forbid",
        "job_template": {"spec": job},
    },
    opts=inside,
)
rules: Any = [{"api_groups": [""], "resources": ["pods"], "verbs": ["get"]}]
subjects: Any = [{"kind": "ServiceAccount", "name": "shipper", "namespace": namespace}]
group = "rbac.authorization.k8s.io"
k8s.rbac.v1.Role("role", metadata=named("reader"), rules=rules, opts=inside)
k8s.rbac.v1.RoleBinding(
    "binding",
    metadata=named("reader"),
    subjects=subjects,
    role_ref={"api_group": group, "kind": "Role", "name": "reader"},
    opts=inside,
)
k8s.rbac.v1.ClusterRole("cluster-role", metadata={"name": f"{namespace}-reader"}, rules=rules, opts=inside)
k8s.rbac.v1.ClusterRoleBinding(
    "cluster-binding",
    metadata={"name": f"{namespace}-reader"},
    subjects=subjects,
    role_ref={"api_group": group, "kind": "ClusterRole", "name": f"{namespace}-reader"},
    opts=inside,
)
k8s.networking.v1.NetworkPolicy(
    "deny", metadata=named("deny"), spec={"pod_selector": {}, "policy_types": ["Ingress"]}, opts=inside
)
k8s.networking.v1.Ingress(
    "edge",
    metadata=named("edge"),
    spec={"default_backend": {"service": {"name": "orders", "port": {"number": 80}}}},
    opts=inside,
)
k8s.policy.v1.PodDisruptionBudget(
    "budget", metadata=named("orders"), spec={"max_unavailable": 1, "selector": {"match_labels": labels}}, opts=inside
)
k8s.core.v1.ResourceQuota("quota", metadata=named("quota"), spec={"hard": {"requests.cpu": "4000m"}}, opts=inside)
limit: Any = {"type": "Container", "default": {"memory": "2Gi"}, "default_request": {"cpu": "0.1"}}
k8s.core.v1.LimitRange("limits", metadata=named("limits"), spec={"limits": [limit]}, opts=inside)
target: Any = {"api_version": "apps/v1", "kind": "Deployment", "name": "elsewhere"}
k8s.autoscaling.v2.HorizontalPodAutoscaler(
    "floor",
    metadata=named("floor"),
    spec={"scale_target_ref": target, "min_replicas": 2, "max_replicas": 9},
    opts=inside,
)
k8s.scheduling.v1.PriorityClass("urgent", metadata={"name": f"{namespace}-urgent"}, value=1000, opts=inside)
k8s.storage.v1.StorageClass(
    "class",
    metadata={"name": f"{namespace}-fast"},
    provisioner="lab.test/disk",
    parameters={"kind": "fast"},
    opts=inside,
)
k8s.core.v1.PersistentVolumeClaim(
    "claim",
    metadata=named("claim"),
    spec={"access_modes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    opts=inside,
)
k8s.core.v1.PersistentVolume(
    "volume",
    metadata={"name": f"{namespace}-volume"},
    spec={"capacity": {"storage": "1Gi"}, "access_modes": ["ReadWriteOnce"], "host_path": {"path": "/nowhere"}},
    opts=inside,
)

pulumi.export("address", service.spec.apply(lambda spec: spec.cluster_ip))
pulumi.export("made_up", made_up.metadata.apply(lambda metadata: metadata.name))

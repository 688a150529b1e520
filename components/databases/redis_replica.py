"""The DR site's Redis: it follows production's until it is promoted."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s

from components import workload
from components.children import as_child
from recovery.names import REDIS_PORT, REDIS_REPLICA, REDIS_REPLICA_LABEL
from recovery.site.capacity import Size
from recovery.site.redis_replica import (
    BASE_FILE,
    BASE_FILE_NAME,
    CA_FILE_NAME,
    CERTIFICATE_FILE_NAME,
    LINK_FILE_NAME,
    START_FILE_NAME,
    START_SCRIPT,
    USERS_FILE_NAME,
    link,
    users,
)

if TYPE_CHECKING:
    from pulumi_kubernetes.core import v1 as core

REDIS_REPLICA_HOST = f"$({REDIS_REPLICA.upper().replace('-', '_')}_SERVICE_HOST)"
_UID = 999  # `redis` and `valkey` in the official images
_CONFIG, _LOGIN, _DATA = "/etc/redis-replica", "/etc/redis-replica-login", "/data"
_SECRET = f"{REDIS_REPLICA}-login"
# It writes its data out on a clean stop.
_GRACE_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class RedisReplicaArgs:
    """`primary_*`: production's Redis as reached from here, `primary_tls` yes or no, `primary_ca` the CA of its
    certificate as PEM, empty for the image's own authorities. `password` is that of production's user dr_replication,
    `certificate` what a server that speaks TLS has to have, key and certificate as PEM, empty where none does.
    `passwords`, by user, of those who log in here. `follows`: at a cold site none runs."""

    namespace: pulumi.Input[str]
    image: str
    primary_host: pulumi.Input[str]
    primary_port: pulumi.Input[str]
    primary_tls: pulumi.Input[str]
    primary_ca: pulumi.Input[str]
    password: pulumi.Input[str]
    certificate: pulumi.Input[str]
    application: str
    passwords: Mapping[str, pulumi.Input[str]]
    storage_class: str
    storage_size: str
    size: Size
    priority: pulumi.Input[str]
    follows: bool


class RedisReplica(pulumi.ComponentResource):
    """One Pod on one volume. It takes everything of production's and then every change, and lets in those who copy,
    watch and promote; applications come through the site's gate, a network policy and their own login, which all three
    have to let them (docs/adr/0029-redis-follows-and-is-promoted.md says what each is worth).

    Users and the link's password are files of a Secret. The volume outlives the StatefulSet: after a promotion it has
    what customers did since.
    """

    def __init__(self, name: str, args: RedisReplicaArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ultramarket:dr:RedisReplica", name, None, opts)
        child = as_child(self)
        config, login = _files(name, args, self), _login(name, args, self)
        self.service = k8s.core.v1.Service(
            f"{name}-service",
            metadata=workload.metadata(REDIS_REPLICA, args.namespace, annotations=workload.SKIP_AWAIT),
            spec={
                "selector": REDIS_REPLICA_LABEL,
                "ports": [{"name": "redis", "port": REDIS_PORT}],
                "publish_not_ready_addresses": True,  # who promotes or watches also reaches one that is loading
            },
            opts=child,
        )
        k8s.apps.v1.StatefulSet(
            f"{name}-set",
            metadata=workload.metadata(REDIS_REPLICA, args.namespace, annotations=workload.SKIP_AWAIT),
            spec={
                "service_name": REDIS_REPLICA,
                "replicas": 1 if args.follows else 0,
                # As the standby's: a Pod that is not ready is replaced all the same.
                "pod_management_policy": "Parallel",
                "selector": {"match_labels": REDIS_REPLICA_LABEL},
                "persistent_volume_claim_retention_policy": {"when_deleted": "Retain", "when_scaled": "Retain"},
                "template": {
                    "metadata": {"labels": {**workload.MANAGED_BY, **REDIS_REPLICA_LABEL}},
                    "spec": {
                        **workload.urgent(args.priority),
                        "automount_service_account_token": False,
                        "termination_grace_period_seconds": _GRACE_SECONDS,
                        "security_context": workload.pod_security(_UID),
                        "containers": [_container(args)],
                        "volumes": _volumes(config),
                    },
                },
                "volume_claim_templates": [
                    {
                        "metadata": {"name": "data"},
                        "spec": {
                            "access_modes": ["ReadWriteOnce"],
                            "storage_class_name": args.storage_class,
                            "resources": {"requests": {"storage": args.storage_size}},
                        },
                    }
                ],
            },
            opts=as_child(self, depends_on=[login], protect=True, ignore_changes=["spec.replicas"]),
        )
        self.host = self.service.spec.apply(lambda spec: spec.cluster_ip if spec else None)
        self.register_outputs({"host": self.host})


def _files(name: str, args: RedisReplicaArgs, parent: pulumi.Resource) -> k8s.core.v1.ConfigMap:
    """What is no secret, in a map named by content: a change makes a new one and rolls the Pod."""
    files: dict[str, pulumi.Input[str]] = {
        START_FILE_NAME: START_SCRIPT,
        BASE_FILE_NAME: BASE_FILE,
        CA_FILE_NAME: args.primary_ca,
    }
    digest = pulumi.Output.all(*files.values()).apply(_digest)
    return k8s.core.v1.ConfigMap(
        f"{name}-config",
        metadata=workload.metadata(pulumi.Output.format("{0}-{1}", REDIS_REPLICA, digest), args.namespace),
        data=files,
        immutable=True,
        opts=as_child(parent),
    )


def _digest(texts: Sequence[str]) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:10]


def _login(name: str, args: RedisReplicaArgs, parent: pulumi.Resource) -> k8s.core.v1.Secret:
    """Who may log in here, and as whom it logs in at production. A certificate that is not needed is an absent file."""
    names = list(args.passwords)
    known = pulumi.Output.all(*args.passwords.values()).apply(
        lambda given: users(args.application, dict(zip(names, given, strict=True)))
    )
    files = pulumi.Output.all(known, args.password, args.certificate).apply(
        lambda given: {
            USERS_FILE_NAME: given[0],
            LINK_FILE_NAME: link(given[1]),
            **({CERTIFICATE_FILE_NAME: given[2]} if given[2] else {}),
        }
    )
    return k8s.core.v1.Secret(
        f"{name}-login",
        metadata=workload.metadata(_SECRET, args.namespace),
        string_data=pulumi.Output.secret(files),
        opts=as_child(parent),
    )


def _container(args: RedisReplicaArgs) -> "core.ContainerArgsDict":
    environment: dict[str, pulumi.Input[str]] = {
        "PRIMARY_HOST": args.primary_host,
        "PRIMARY_PORT": args.primary_port,
        "PRIMARY_TLS": args.primary_tls,
        "REPLICA_CONFIG": _CONFIG,
        "REPLICA_LOGIN": _LOGIN,
        "REPLICA_DATA": f"{_DATA}/redis",
    }
    return {
        "name": "redis",
        "image": args.image,
        "command": ["sh", f"{_CONFIG}/{START_FILE_NAME}"],
        "env": [workload.pod_ip(), *workload.variables(environment)],
        "ports": [{"name": "redis", "container_port": REDIS_PORT}],
        "readiness_probe": {"tcp_socket": {"port": REDIS_PORT}, "period_seconds": 2},
        "resources": workload.limits(args.size),
        "security_context": workload.container_security(),
        "volume_mounts": [
            {"name": "data", "mount_path": _DATA},
            {"name": "config", "mount_path": _CONFIG, "read_only": True},
            {"name": "login", "mount_path": _LOGIN, "read_only": True},
        ],
    }


def _volumes(config: k8s.core.v1.ConfigMap) -> "list[core.VolumeArgsDict]":
    return [
        {"name": "config", "config_map": {"name": config.metadata.apply(lambda meta: meta.name)}},
        {"name": "login", "secret": {"secret_name": _SECRET, "default_mode": 0o440}},
    ]

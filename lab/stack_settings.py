"""What the lab configures the three stacks with: this run's addresses, ids and passwords."""

from collections.abc import Mapping
from typing import Any

from lab.account import ACCOUNT, DR_EDGE, PROD_CLUSTER, PROD_EDGE, Account
from lab.kubernetes.control_plane import Cluster
from lab.machine.addresses import EDGE_PORT, Block
from lab.ultramarket import production
from lab.ultramarket.primary import APPLICATION
from recovery.names import ROLE_BACKUP, ROLE_GUARD, ROLE_MONITOR, ROLE_PROMOTER, ROLE_REPLICATION
from recovery.plan.plan import SERVICES


def plain_settings(account: Account, block: Block, prod: Cluster) -> dict[str, dict[str, Any]]:
    """By stack, what differs from the committed stack files."""
    digest = "sha256:" + "0" * 64
    runner = f"ultramarket/dr-runner@{digest}"
    values: dict[str, dict[str, Any]] = {
        "foundation": {
            "account": ACCOUNT,
            "zoneId": account.zone.rpartition("/")[2],
            "prodEdge": PROD_EDGE,
            "drEdge": DR_EDGE,
            "nameAdopted": True,
            "prodCluster": PROD_CLUSTER,
        },
        "prod": {
            "account": ACCOUNT,
            "clusterName": PROD_CLUSTER,
            "clusterEndpoint": prod.endpoint,
            "clusterCa": prod.ca_data,
            "primaryHost": block.primary,
            "redisHost": block.redis,
            "redisTls": "no",  # nor is Redis's
            "sslMode": "disable",  # PostgreSQL's wheel is built without OpenSSL
            "gate": "sidecar",
            "primaryPodLabels": production.PRIMARY_LABELS,
            "edge": f"{block.prod.edge}:{EDGE_PORT}",
            "runnerImage": runner,
            "guardMode": "enforce",
            "acceptIncrementalsOf": "18.6",  # PostgreSQL's wheel is older than the correction in 18.7
        },
        "dr": {
            "account": ACCOUNT,
            "edge": f"{block.dr.edge}:{EDGE_PORT}",
            "subnetIds": [*account.subnets[:2]],
            "publicSubnetIds": [*account.subnets[2:]],
            "certificateArn": account.certificate,
            "runnerImage": runner,
            "postgresImage": f"postgres@{digest}",
            "redisImage": f"redis@{digest}",
            "serviceImages": {name: f"ultramarket/{name}@{digest}" for name in SERVICES},
            "podCidrs": ["127.0.0.0/8"],
            "guardMode": "enforce",
            "acceptIncrementalsOf": "18.6",  # PostgreSQL's wheel is older than the correction in 18.7
        },
    }
    return {stack: {f"ultramarket-dr:{k}": v for k, v in config.items()} for stack, config in values.items()}


def secret_settings(passwords: Mapping[str, str], redis: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """By stack, the passwords of the database's roles, and of Redis's users."""
    return {
        "foundation": {},
        "prod": {
            "guardPassword": passwords[ROLE_GUARD],
            "backupPassword": passwords[ROLE_BACKUP],
            "replicationPassword": passwords[ROLE_REPLICATION],
            "redisBackupPassword": redis[ROLE_BACKUP],
        },
        "dr": {
            "guardPassword": passwords[ROLE_GUARD],
            "replicationPassword": passwords[ROLE_REPLICATION],
            "applicationPassword": passwords[APPLICATION],
            "monitorPassword": passwords[ROLE_MONITOR],
            "backupPassword": passwords[ROLE_BACKUP],
            "redisReplicationPassword": redis[ROLE_REPLICATION],
            "redisApplicationPassword": redis[APPLICATION],
            "redisBackupPassword": redis[ROLE_BACKUP],
            "redisMonitorPassword": redis[ROLE_MONITOR],
            "redisPromoterPassword": redis[ROLE_PROMOTER],
        },
    }

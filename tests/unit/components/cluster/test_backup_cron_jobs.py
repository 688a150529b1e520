"""Scheduled backups of any dataset: what its Pods need comes with the dataset, whose Pods they are with the site."""

from typing import Any

from components.cluster.backup_cron_jobs import BackupCronJobs, BackupCronJobsArgs
from components.cluster.backup_source import BackupSource, Login
from components.runners import Runners
from recovery.names import Names
from recovery.plan.loading import load_plan
from recovery.site.capacity import Size
from tests.support import stacks
from tests.support.plans import ROOT
from tests.support.project import in_the_project as in_the_project  # a fixture

PLAN = load_plan(ROOT / "recovery.yaml")
AT = Runners(
    site="prod",
    names=Names(PLAN, "123456789012"),
    cluster="c",
    namespace="shop",
    image=f"runner@sha256:{'0' * 64}",
    plan_map="plan",
)
FILES = BackupSource(
    dataset="files",
    environment={"DR_FILES_SOURCE": "/data"},
    mounts=[{"name": "files", "mount_path": "/data", "read_only": True}],
    volumes=[{"name": "files", "persistent_volume_claim": {"claim_name": "shop", "read_only": True}}],
    size=Size(millicores=250, mebibytes=300),
    due=False,
)
KEYS = BackupSource(dataset="redis", login=Login(name="keys-login", variable="REDIS_PASSWORD", password="x"))


def declared() -> dict[str, Any]:
    def declares() -> None:
        first = BackupCronJobs("one", _args(FILES))
        BackupCronJobs("other", _args(KEYS, account=first.account))

    return {each.name: each for each in stacks.declare_by(declares, "prod")}


def _args(source: BackupSource, account: Any = ()) -> BackupCronJobsArgs:
    kinds = {"full": getattr(PLAN.datasets, source.dataset).full}
    return BackupCronJobsArgs(at=AT, source=source, kinds=kinds, lock_mode="COMPLIANCE", account=account)


def pod(name: str) -> dict[str, Any]:
    return declared()[name].inputs["spec"]["jobTemplate"]["spec"]["template"]["spec"]


def test_a_dataset_brings_its_own_way_to_the_data_and_its_own_room() -> None:
    (container,) = pod("backup-files-full-job")["containers"]
    assert container["command"] == ["dr", "backup", "files", "full", "--if-active"]
    assert {"name": "DR_FILES_SOURCE", "value": "/data"} in container["env"]
    assert {"name": "files", "mountPath": "/data", "readOnly": True} in container["volumeMounts"]
    assert FILES.volumes[0]["name"] in [each["name"] for each in pod("backup-files-full-job")["volumes"]]
    assert container["resources"]["limits"] == {"memory": "300Mi"}


def test_a_dataset_without_a_login_gets_no_secret_and_another_has_only_its_own() -> None:
    assert not [name for name in declared() if name == "one-login"]
    (without,), (container,) = pod("backup-files-full-job")["containers"], pod("backup-redis-full-job")["containers"]
    assert not [each for each in without["env"] if "valueFrom" in each]
    (secret,) = [each for each in container["env"] if "valueFrom" in each]
    assert secret["name"] == "REDIS_PASSWORD"
    assert secret["valueFrom"]["secretKeyRef"] == {"name": "keys-login", "key": "password"}
    assert declared()["other-login"].inputs["metadata"]["name"] == "keys-login"


def test_one_account_copies_all_datasets_of_a_site() -> None:
    kinds = (":ServiceAccount", ":PodIdentityAssociation")
    accounts = [each for each in declared().values() if each.type.endswith(kinds)]
    assert sorted(each.name for each in accounts) == ["one-account", "one-identity"]
    assert {each.urn for each in accounts} <= set(declared()["backup-redis-full-job"].after)


def test_not_every_dataset_is_looked_at_for_a_full_one_before_its_time() -> None:
    jobs = {name for name in declared() if name.endswith("-job")}
    assert jobs == {"backup-files-full-job", "backup-redis-full-job", "backup-redis-due-job"}

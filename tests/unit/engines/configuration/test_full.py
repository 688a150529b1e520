"""A whole copy with a cluster in memory: what is in it, what is not, and what makes it fail."""

from datetime import timedelta
from pathlib import Path

import pytest

from engines.configuration import full
from engines.configuration.index import INDEX
from recovery.errors import Corrupt, Failed, Refused, Unreachable
from recovery.names import manifest_key
from tests.support.cluster_objects import CUSTOM, KEYS, NAMESPACE, PROD_UID
from tests.support.configuration_site import PASSWORD, ConfigurationSite, encoded, shop, with_definition
from tests.unit.engines.configuration.test_certificates import pair


def everything(site: ConfigurationSite) -> bytes:
    """All that is in the bucket, unpacked where it is packed."""
    contents = site.contents()
    unpacked = [b"".join(contents.raw(name)) for name in (*contents.names, INDEX)]
    return b"".join([*unpacked, *site.store.objects.values()])


def test_what_is_configuration_is_in_it_and_what_controllers_make_is_not() -> None:
    """Pitfalls 1, 2 and 7."""
    site = shop()
    site.cluster_objects = ("storageclasses.storage.k8s.io/gp3",)
    made = site.back_up()
    assert set(site.documents()) == {
        f"namespaces/{NAMESPACE}",
        "storageclasses.storage.k8s.io/gp3",
        "configmaps/order-settings",
        "secrets/order-login",
        "serviceaccounts/order",
        "services/order",
        "deployments.apps/order",
        "deployments.apps/mailer",
        "cronjobs.batch/report",
    }
    for each in site.documents().values():
        assert each["metadata"].keys() <= {"name", "namespace", "labels", "annotations"} and "status" not in each
    left = {each.resource: (each.why, each.count) for each in site.contents().index.left}
    assert left["replicasets.apps"] == ("its Deployment makes it", 1)
    assert left["pods"] == ("its ReplicaSet makes it", 1)
    assert left["secrets"] == ("a token of this cluster alone", 1)
    assert left["events"] == ("what happened", 0)
    assert made.manifest.source.system_identifier == PROD_UID
    assert made.manifest.data_format == "Kubernetes 1.36.1"


def test_a_secret_is_ciphertext_and_neither_index_nor_manifest_knows_more_than_its_name() -> None:
    """Pitfall 6."""
    site = shop()
    site.back_up()
    stored = everything(site)
    assert PASSWORD.encode() not in stored and encoded(PASSWORD).encode() not in stored
    assert site.documents()["secrets/order-login"]["data"] == {"password": encoded(PASSWORD)}
    assert site.contents().index.keys == KEYS


def test_an_api_group_that_cannot_be_listed_makes_the_run_failed_and_not_smaller() -> None:
    """Pitfall 4."""
    site = shop()
    site.source.broken = {"shops.example"}
    with pytest.raises(Unreachable, match=r"cannot say what it serves of shops.example/v1"):
        site.back_up()
    assert site.store.objects == {}
    site.source.broken = {"metrics.k8s.io"}
    site.back_up()


def test_a_kind_that_may_not_be_listed_makes_it_failed() -> None:
    site = shop()
    site.source.refusing = {"cronjobs.batch": "403 Forbidden"}
    with pytest.raises(Refused, match=r"does not let us list cronjobs.batch"):
        site.back_up()
    assert not [key for key in site.store.objects if key.endswith("manifest.json")]


@pytest.mark.parametrize(
    ("named", "why"),
    [
        ("storageclasses.storage.k8s.io/gone", "there is no storageclasses.storage.k8s.io/gone in the cluster"),
        ("configmaps/x", "configmaps lies in a namespace"),
        ("gateways.x.y/x", "gateways.x.y is nothing that this cluster serves"),
        ("customresourcedefinitions.apiextensions.k8s.io/a.b", "there is no customresourcedefinitions"),
    ],
)
def test_a_named_object_that_is_not_there_is_not_left_out_silently(named: str, why: str) -> None:
    site = shop()
    site.cluster_objects = (named,)
    with pytest.raises((Failed, Refused), match=why):
        site.back_up()
    assert not [key for key in site.store.objects if key.endswith("manifest.json")]


def test_a_namespace_that_is_not_there_is_refused() -> None:
    site = shop()
    site.namespace = "elsewhere"
    with pytest.raises(Failed, match="there is no namespaces/elsewhere"):
        site.back_up()


def test_objects_of_a_kind_of_its_own_bring_its_definition_along() -> None:
    site = shop()
    site.source.served.append(CUSTOM)
    with_definition(site.source)
    site.back_up()
    assert "customresourcedefinitions.apiextensions.k8s.io/shops.ultramarket.example" not in site.documents()
    site.source.add(CUSTOM.resource, "main", spec={"city": "Tashkent"})
    site.back_up()
    found = site.documents()
    assert found["shops.ultramarket.example/main"]["spec"] == {"city": "Tashkent"}
    assert "status" not in found["customresourcedefinitions.apiextensions.k8s.io/shops.ultramarket.example"]


def test_the_copy_is_made_when_production_s_key_is_gone_and_says_so_and_never_without_the_dr_region_s() -> None:
    """Pitfall 6."""
    site = shop()
    site.keys.usable = {KEYS[0]}
    made = site.back_up()
    assert site.contents().index.keys == KEYS[:1]
    assert made.manifest.remarks == ("the key of production's region does not open its Secrets: silent",)
    site.keys.usable = {KEYS[1]}
    with pytest.raises(Refused, match="GenerateDataKey"):
        site.back_up()


def test_the_dr_region_s_key_alone_opens_it_and_is_asked_first() -> None:
    """Pitfall 6."""
    site = shop()
    site.back_up()
    site.keys.usable = {KEYS[0]}
    site.documents()
    assert set(site.keys.opened) == {KEYS[0]}


def test_a_certificate_without_its_key_is_reported() -> None:
    """Pitfall 7."""
    site, (certificate, key) = shop(), pair()
    site.source.add("configmaps", "edge", data={"tls.crt": certificate.decode()})
    assert site.back_up().manifest.remarks == ("a certificate without its key: ConfigMap edge, tls.crt",)
    site.source.add("secrets", "edge", type="Opaque", data={"tls.key": encoded(key.decode())})
    assert site.back_up().manifest.remarks == ()


def test_a_secret_that_a_controller_makes_is_named() -> None:
    site = shop()
    owner = {"kind": "ExternalSecret", "name": "x", "uid": "7", "controller": True}
    site.source.add("secrets", "outside", metadata={"ownerReferences": [owner]}, type="Opaque", data={})
    (remark,) = site.back_up().manifest.remarks
    assert remark == "1 secrets are not stored, its ExternalSecret makes it: outside"


def test_files_of_named_paths_are_in_it_and_what_looks_like_a_secret_is_sealed(tmp_path: Path) -> None:
    site = shop()
    (tmp_path / "nginx.conf").write_text("listen 443 ssl;")
    (tmp_path / "edge.key").write_bytes(pair()[1])
    site.paths = (str(tmp_path),)
    site.back_up()
    assert b"PRIVATE KEY" not in everything(site) and b"listen 443" in everything(site)
    site.verify()
    (tmp_path / "nginx.conf").unlink()
    (tmp_path / "edge.key").unlink()
    site.restore(tmp_path / "out", opened=True)
    assert (tmp_path / f"out/files{tmp_path}/nginx.conf").read_text() == "listen 443 ssl;"
    key = tmp_path / f"out/files{tmp_path}/edge.key"
    assert b"PRIVATE KEY" in key.read_bytes() and key.stat().st_mode & 0o777 == 0o600


def test_a_run_past_its_limit_is_no_backup(monkeypatch: pytest.MonkeyPatch) -> None:
    site = shop()
    with pytest.raises(Failed, match="was not finished within 0:00:00"):
        site.back_up(time_limit=timedelta(0))
    assert not [key for key in site.store.objects if key.endswith("manifest.json")]
    monkeypatch.undo()
    assert full.ConfigurationFull().dataset == "configuration"


def test_everything_is_locked_alike() -> None:
    site = shop()
    made = site.back_up()
    locks = {site.store.retained[key] for key in site.store.objects if not key.startswith("pointers/")}
    assert locks == {made.manifest.retain_until}


def test_an_engine_that_was_handed_nothing_says_so() -> None:
    with pytest.raises(Refused, match="handed no cluster"):
        full.ConfigurationFull().look(ConfigurationSite().engine, {}, replica_lag=timedelta(0))  # type: ignore[arg-type]


def test_it_is_verified_to_its_last_byte() -> None:
    site = shop()
    made = site.back_up()
    verdict = site.verify()
    assert verdict.files == len(site.documents()) and verdict.bytes == made.manifest.stored_bytes
    assert verdict.remark == "what is sealed was opened"


def test_where_no_key_may_be_used_what_is_sealed_is_looked_at_from_outside_and_that_is_said() -> None:
    site = shop()
    site.back_up()
    site.keys.usable = set()
    assert site.verify().remark.startswith("what is sealed is whole and was not opened: KMS refuses Decrypt")


def test_every_flipped_byte_is_found() -> None:
    site = shop()
    site.back_up()
    parts = [key for key in site.store.objects if not key.startswith("pointers/") and not key.endswith("manifest.json")]
    assert len(parts) > 5
    for key in parts:
        whole = site.store.objects[key]
        for at in {0, len(whole) // 2, len(whole) - 1}:
            broken = bytearray(whole)
            broken[at] ^= 1
            site.store.objects[key] = bytes(broken)
            with pytest.raises(Corrupt):
                site.verify()
        site.store.objects[key] = whole[:-1]
        with pytest.raises((Corrupt, Refused)):  # the catalog sees already that it is shorter
            site.verify()
        site.store.objects[key] = whole
    site.verify()


def test_a_part_of_another_copy_is_found_although_it_is_whole() -> None:
    site = shop()
    first = site.back_up()
    second = site.back_up()
    manifest = second.manifest.model_copy(
        update={
            "parts": tuple(
                each
                if "sealed" not in each.key
                else each.model_copy(
                    update={
                        name: value
                        for name, value in next(p for p in first.manifest.parts if "sealed" in p.key)
                        if name != "key"
                    }
                )
                for each in second.manifest.parts
            )
        }
    )
    theirs, ours = (next(p.key for p in made.manifest.parts if "sealed" in p.key) for made in (first, second))
    site.store.objects[ours] = site.store.objects[theirs]
    site.store.objects[manifest_key(manifest.folder)] = manifest.to_json()
    with pytest.raises(Corrupt, match=f"it is of {first.manifest.id}, not of {second.manifest.id}"):
        site.verify()


def test_no_error_of_a_copy_has_a_secret_in_it(tmp_path: Path) -> None:
    site = shop()
    site.back_up()
    part = next(key for key in site.store.objects if "sealed" in key)
    broken = bytearray(site.store.objects[part])
    broken[len(broken) // 2] ^= 1
    site.store.objects[part] = bytes(broken)
    with pytest.raises(Corrupt) as error:
        site.restore(tmp_path / "out", opened=True)
    assert PASSWORD not in str(error.value) and encoded(PASSWORD) not in str(error.value)
    assert not (tmp_path / "out").exists() and [*tmp_path.iterdir()] == []

"""A copy as files, to be read, compared and applied by hand."""

from pathlib import Path

import pytest
import yaml

from engines.configuration.restore_order import ConfigurationRestore
from recovery.errors import Refused
from recovery.names import WITH_SECRETS
from tests.support.cluster_objects import NAMESPACE
from tests.support.configuration_site import PASSWORD, encoded, shop


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_each_object_is_a_file_in_the_order_of_an_apply_and_secrets_stay_sealed(tmp_path: Path) -> None:
    site = shop()
    site.back_up()
    done = site.restore(tmp_path / "out")
    assert files(tmp_path / "out") == {
        "index.json",
        "4-secrets.json.sealed",
        f"objects/2-namespaces/_cluster/namespaces/{NAMESPACE}.yaml",
        f"objects/3-rights/{NAMESPACE}/serviceaccounts/order.yaml",
        f"objects/4-configuration/{NAMESPACE}/configmaps/order-settings.yaml",
        f"objects/5-services/{NAMESPACE}/services/order.yaml",
        f"objects/7-workloads/{NAMESPACE}/deployments.apps/order.yaml",
        f"objects/7-workloads/{NAMESPACE}/deployments.apps/mailer.yaml",
        f"objects/7-workloads/{NAMESPACE}/cronjobs.batch/report.yaml",
    }
    assert done.files == 9 and done.kept == ("4-secrets.json.sealed",)
    text = (tmp_path / f"out/objects/4-configuration/{NAMESPACE}/configmaps/order-settings.yaml").read_text()
    assert yaml.safe_load(text)["data"] == {"currency": "UZS"}
    assert PASSWORD not in "".join(path.read_text(errors="replace") for path in (tmp_path / "out").rglob("*.yaml"))


def test_with_the_option_a_secret_is_written_opened_for_its_owner_alone(tmp_path: Path) -> None:
    site = shop()
    site.back_up()
    site.restore(tmp_path / "out", opened=True)
    secret = tmp_path / f"out/objects/4-secrets/{NAMESPACE}/secrets/order-login.yaml"
    assert yaml.safe_load(secret.read_text())["data"] == {"password": encoded(PASSWORD)}
    assert secret.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o700


def test_where_no_key_may_be_used_nothing_is_left_behind(tmp_path: Path) -> None:
    site = shop()
    site.back_up()
    site.keys.usable = set()
    with pytest.raises(Refused, match="Decrypt"):
        site.restore(tmp_path / "out", opened=True)
    assert [*tmp_path.iterdir()] == []


def test_it_is_shown_before_with_what_becomes_of_secrets(tmp_path: Path) -> None:
    site = shop()
    made = site.back_up()
    engine = ConfigurationRestore().reaching(site)
    order = engine.plan(site.store, "latest", tmp_path / "out", environment={}, incrementals=True, standby=False)
    rows = dict(order.rows(str))
    assert rows["take"].startswith(f"{made.manifest.id}, 8 objects of Kubernetes 1.36.1")
    assert rows["Secrets"] == "1, stay a ciphertext (--with-secrets opens it)"
    assert not order.open
    opened = engine.plan(
        site.store, "latest", tmp_path / "out", environment={WITH_SECRETS: "yes"}, incrementals=True, standby=False
    )
    assert opened.open
    with pytest.raises(Refused, match="no standby of it"):
        engine.plan(site.store, "latest", tmp_path / "out", environment={}, incrementals=True, standby=True)


def test_while_it_lies_in_an_archive_it_is_shown_without_its_index(tmp_path: Path) -> None:
    site = shop()
    made = site.back_up()
    site.store.storage = dict.fromkeys([part.key for part in made.manifest.parts], "GLACIER")
    order = ConfigurationRestore().plan(
        site.store, "latest", tmp_path / "out", environment={}, incrementals=True, standby=False
    )
    assert len(order.archived.unasked) == len(made.manifest.parts) and order.documents is None

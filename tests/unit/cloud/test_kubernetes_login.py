"""A kubeconfig as `dr` reads it: whom it trusts, as whom it asks, and one sentence for whatever is wrong."""

import base64
import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from urllib3.exceptions import InsecureRequestWarning

from cloud.kubernetes_api import KubernetesApi
from cloud.kubernetes_login import KubernetesLogin
from recovery.errors import Refused, Unreachable
from tests.support.tls import certificate, serving

ADDRESS = "127.0.0.1"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


def written(folder: Path, user: dict[str, Any] | None = None, cluster: dict[str, Any] | None = None) -> Path:
    """A kubeconfig whose current context is not its only one."""
    server = {"server": "https://api.example.com", **(cluster or {})}
    context = {"cluster": "dr", **({} if user is None else {"user": "me"})}
    config = {
        "clusters": [{"name": "other", "cluster": {"server": "https://other"}}, {"name": "dr", "cluster": server}],
        "contexts": [{"name": "other", "context": {"cluster": "other"}}, {"name": "here", "context": context}],
        "users": [{"name": "me", "user": user}],
        "current-context": "here",
    }
    path = folder / "kubeconfig"
    path.write_text(json.dumps(config))
    return path


def program(folder: Path, *lines: str) -> Path:
    path = folder / "login"
    path.write_text("\n".join(["#!/bin/sh", *lines]))
    path.chmod(0o700)
    return path


def plugin(**more: Any) -> dict[str, Any]:
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "./login", **more}}


def printing(status: dict[str, Any]) -> str:
    said = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}
    return f"echo '{json.dumps(said)}'"


def refused(kubeconfig: Path) -> str:
    with pytest.raises(Refused) as error:
        login = KubernetesLogin(kubeconfig)
        login.headers()
        _ = login.connections
    assert "\n" not in error.value.what and error.value.next_step
    return error.value.what


def test_a_token_in_a_file_is_read_anew_from_the_kubeconfig_s_own_folder(tmp_path: Path) -> None:
    login = KubernetesLogin(written(tmp_path, {"tokenFile": "token", "token": "older"}))
    for token in ("first", "second"):
        (tmp_path / "token").write_text(f"{token}\n")
        assert login.headers() == {"Authorization": f"Bearer {token}"}


def test_a_context_without_user_asks_as_nobody(tmp_path: Path) -> None:
    assert KubernetesLogin(written(tmp_path)).headers() == {}


def test_a_plug_in_is_run_once_while_its_login_holds_and_again_when_that_expires(tmp_path: Path) -> None:
    lasting = KubernetesLogin(written(tmp_path, plugin(env=[{"name": "WHO", "value": "me"}], args=["eks"])))
    program(tmp_path, f'echo "$WHO $1" >> {tmp_path}/runs', printing({"token": "t"}))
    assert [lasting.headers() for _ in range(3)] == [{"Authorization": "Bearer t"}] * 3
    assert (tmp_path / "runs").read_text() == "me eks\n"

    program(
        tmp_path, f"echo >> {tmp_path}/runs", printing({"token": "t", "expirationTimestamp": "2020-01-01T00:00:00Z"})
    )
    short = KubernetesLogin(written(tmp_path, plugin()))
    assert [short.headers() for _ in range(2)] == [{"Authorization": "Bearer t"}] * 2
    assert (tmp_path / "runs").read_text() == "me eks\n\n\n"


def test_a_plug_in_that_fails_is_told_with_its_own_words_and_never_with_what_it_printed(tmp_path: Path) -> None:
    kubeconfig = written(tmp_path, plugin())
    program(tmp_path, "echo s3cret; echo 'the SSO session' >&2; echo 'has expired' >&2; exit 255")
    assert refused(kubeconfig).endswith("./login ended with 255: the SSO session has expired")
    for printed in ("echo s3cret", printing({}), printing({"token": "s3cret"}).replace("/v1", "/v1beta1")):
        program(tmp_path, printed)
        assert refused(kubeconfig).endswith("./login printed no credential of client.authentication.k8s.io/v1")
    (tmp_path / "login").unlink()
    assert refused(kubeconfig).endswith("./login cannot be run: No such file or directory")
    program(tmp_path, printing({"token": "t"}))
    assert "has to ask somebody, and there is no terminal" in refused(
        written(tmp_path, plugin(interactiveMode="Always"))
    )
    assert refused(written(tmp_path, {"exec": {"command": "x"}})).endswith("it names no `apiVersion` and `command`")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """An https server that refuses whoever asks, and the authority that signed its certificate."""
    authority, chain = certificate(tmp_path / "server", [ADDRESS, "api.example.com"])
    with serving(ADDRESS, 0, chain, 401) as port:
        yield f"https://{ADDRESS}:{port}", authority


def asked(kubeconfig: Path) -> None:
    KubernetesApi(kubeconfig, "ns").call("GET", "/version")


def test_the_server_is_known_by_the_kubeconfig_s_authority_and_by_no_other(
    tmp_path: Path, served: tuple[str, Path]
) -> None:
    server, authority = served
    data = base64.b64encode(authority.read_bytes()).decode()
    trusting: list[dict[str, Any]] = [
        {"certificate-authority-data": data},
        {"certificate-authority": "server/authority.pem"},
        {"certificate-authority-data": data, "tls-server-name": "api.example.com"},
    ]
    for trusted in trusting:
        with pytest.raises(Refused, match="401"):  # it answered
            asked(written(tmp_path, {"token": "t"}, {"server": server, **trusted}))
    with pytest.warns(InsecureRequestWarning), pytest.raises(Refused, match="401"):
        asked(written(tmp_path, {"token": "t"}, {"server": server, "insecure-skip-tls-verify": True}))
    other, _ = certificate(tmp_path / "other", [ADDRESS])
    distrusting: list[dict[str, Any]] = [
        {"certificate-authority": str(other)},
        {},
        {"certificate-authority-data": data, "tls-server-name": "api.example.org"},
    ]
    for wrong in distrusting:
        with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
            asked(written(tmp_path, {"token": "t"}, {"server": server, **wrong}))


def test_eks_s_authorities_are_accepted_which_have_no_key_identifier(tmp_path: Path) -> None:
    """`ssl.create_default_context` refuses them from Python 3.13 on."""
    context = KubernetesLogin(written(tmp_path)).connections.connection_pool_kw["ssl_context"]
    assert context.verify_mode == ssl.CERT_REQUIRED and context.check_hostname
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT


@pytest.mark.parametrize("given", ["data", "files", "plug-in"])
def test_a_client_s_certificate_is_shown_and_leaves_no_copy_of_its_key(
    tmp_path: Path, given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, chain = certificate(tmp_path / "client", ["me"])
    text = chain.read_text()
    shown: list[str] = []
    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", lambda _self, file: shown.append(Path(file).read_text()))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "scratch").mkdir()
    data = base64.b64encode(chain.read_bytes()).decode()
    (tmp_path / "answer").write_text(printing({"clientCertificateData": text, "clientKeyData": "key"})[6:-1])
    program(tmp_path, f"cat {tmp_path}/answer")
    users: dict[str, dict[str, Any]] = {
        "data": {"client-certificate-data": data, "client-key-data": data},
        "files": {"client-certificate": "client/server.pem", "client-key": "client/server.pem"},
        "plug-in": plugin(),
    }
    login = KubernetesLogin(written(tmp_path, users[given]))
    assert login.headers() == {}
    _ = login.connections
    assert shown == [f"{text}\nkey" if given == "plug-in" else f"{text}\n{text}"]
    assert [*(tmp_path / "scratch").iterdir()] == []


def test_what_is_wrong_in_a_kubeconfig_is_said_with_its_place(tmp_path: Path) -> None:
    wrong = "does not work: "
    assert wrong + "its `certificate-authority-data` is not base64" in refused(
        written(tmp_path, None, {"certificate-authority-data": "%"})
    )
    nothing = base64.b64encode(b"nothing").decode()
    assert wrong + "a certificate or key of it is none" in refused(
        written(tmp_path, None, {"certificate-authority-data": nothing})
    )
    assert wrong + f"{tmp_path}/gone cannot be read" in refused(written(tmp_path, {"tokenFile": "gone"}))
    assert wrong + "its user has an `auth-provider`" in refused(written(tmp_path, {"auth-provider": {"name": "oidc"}}))
    for user in ("text", None):
        config = json.loads(written(tmp_path, {}).read_text()) | {"users": [{"name": "me", "user": user}]}
        (tmp_path / "kubeconfig").write_text(json.dumps(config))
        assert "is not a kubeconfig" in refused(tmp_path / "kubeconfig")
    (tmp_path / "kubeconfig").write_bytes(b"\xff\xfe\x00")
    assert "is not a kubeconfig" in refused(tmp_path / "kubeconfig")


def test_the_proxy_is_the_kubeconfig_s_or_the_environment_s_but_for_what_no_proxy_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def proxy(cluster: dict[str, str] | None = None) -> str | None:
        found = KubernetesLogin(written(tmp_path, None, cluster)).connections.proxy
        return found and found.url

    assert proxy() is None
    monkeypatch.setenv("https_proxy", "http://proxy.example.com:3128")
    assert proxy() == "http://proxy.example.com:3128"
    assert proxy({"proxy-url": "http://own.example.com:3128"}) == "http://own.example.com:3128"
    monkeypatch.setenv("no_proxy", "localhost,.example.com")
    assert proxy() is None

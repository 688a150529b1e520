"""The piece of YAML in docs/gate-sidecar.md is what the prod stack prints."""

import yaml

from lab.previews import SIDECAR, with_sidecar


def test_the_page_shows_what_the_stack_s_output_says() -> None:
    page = SIDECAR.read_text()
    assert page == with_sidecar(page), "write it anew with `make previews`"


def test_it_is_kubernetes_own_spelling_and_names_no_secret() -> None:
    page = SIDECAR.read_text()
    pod = yaml.safe_load(page.partition("```yaml\n")[2].partition("```")[0])["spec"]["template"]["spec"]
    (guard,) = pod["containers"]
    assert guard["readinessProbe"]["tcpSocket"] == {"port": 6432}
    assert {each["name"] for each in guard["volumeMounts"]} == {each["name"] for each in pod["volumes"]}
    (password,) = [each for each in guard["env"] if each["name"] == "PGPASSWORD"]
    assert set(password) == {"name", "valueFrom"}

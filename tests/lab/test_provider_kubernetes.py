"""The lab's Kubernetes provider under Pulumi's real engine, on a real API server."""

import json
from pathlib import Path

from lab.providers.replacement import table
from tests.lab.conftest import PYTHON_IMAGE, Workspace
from tests.support.clients import unique
from tests.support.scratch_engine import STACK, MakeEngine, configure, differing
from tests.support.scratch_engine import make_engine as make_engine  # a fixture


def test_every_kubernetes_kind_is_made_once_and_only_declared_fields_are_ours(
    make_engine: MakeEngine, space: Workspace, tmp_path: Path
) -> None:
    namespace = unique("every")
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(space.cluster.kubeconfig().read_text())
    config = {"namespace": namespace, "image": PYTHON_IMAGE, "kubeconfig": str(kubeconfig)}
    engine = make_engine("kubernetes_every_kind.py", config, {})
    engine.run("config", "set", "--secret", "password", "tiger-in-the-tank", stack=STACK).must()
    engine.up(STACK).must()
    state = engine.export(STACK)
    made = {resource["type"] for resource in state["deployment"]["resources"]}
    assert {token for token in table() if token.startswith("kubernetes:")} <= made
    assert "tiger-in-the-tank" not in json.dumps(state)
    outputs = engine.outputs(STACK)
    assert outputs["address"].startswith("127.")
    assert outputs["made_up"].startswith("made-up-")

    apps = f"/apis/apps/v1/namespaces/{namespace}/deployments/orders"
    space.api.merge(apps, {"spec": {"replicas": 2}, "metadata": {"labels": {"by": "promotion"}}})
    stopped = f"/apis/apps/v1/namespaces/{namespace}/deployments/stopped"
    space.api.merge(f"{stopped}/scale", {"spec": {"replicas": 1}})
    assert differing(engine.preview(STACK, refresh=True)) == {}, "what we did not declare is not ours"

    configure(engine, "version", 2)
    assert differing(engine.preview(STACK)) == {
        "settings": "replace",
        "once": "replace",
        "orders": "update",
        "standby": "update",
        "stopped": "update",
        "nightly": "update",
    }
    engine.up(STACK).must()
    # Made first and deleted after, an object with the same name would be gone now.
    settings = space.api.get(f"/api/v1/namespaces/{namespace}/configmaps/dr-config")
    assert settings["data"] == {"rpo": "60"}
    assert space.api.get(apps)["spec"]["replicas"] == 2, "an update leaves the promotion's scale alone"
    scaled = space.api.get(stopped)["spec"]
    assert (scaled["replicas"], scaled["revisionHistoryLimit"]) == (1, 2), "what is ignored is left alone"

    space.api.request("DELETE", f"/api/v1/namespaces/{namespace}/configmaps/dr-config")
    assert differing(engine.preview(STACK, refresh=True)) == {"settings": "create"}
    engine.destroy(STACK).must()


def test_a_deployment_that_does_not_become_ready_fails_the_run_and_stays_in_the_state(
    make_engine: MakeEngine, space: Workspace
) -> None:
    config = {"namespace": space.name, "kubeconfig": str(space.cluster.kubeconfig())}
    engine = make_engine("kubernetes_not_ready.py", config, {})
    result = engine.up(STACK)
    assert not result.ok
    assert f"late (Deployment {space.name}/late) not ready after 5 s: 0 of 1 replicas ready" in result.output
    assert "ErrImagePull" in result.output or "ImagePullBackOff" in result.output
    kept = [one for one in engine.export(STACK)["deployment"]["resources"] if one["type"].endswith(":Deployment")]
    assert [one["id"] for one in kept] == [f"{space.name}/late"]

"""Deployments, StatefulSets, Jobs, Services and Ingress really run under the lab's node agent."""

import base64
import os
import signal
import socket
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.lab.conftest import DIGEST, Object, Workspace, container_state, is_ready, python

FOREVER = "import signal; signal.pause()"
# Tells each client its own address, as the server sees it, and the Pod's name.
WHO_ARE_YOU = """
import os, socket
server = socket.create_server((os.environ["POD_IP"], int(os.environ.get("PORT", "7000"))))
while True:
    client, peer = server.accept()
    client.sendall(f"{peer[0]} {os.environ['POD_NAME']}".encode()); client.close()
"""
WEB = """
import os
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201); self.send_header("X-Path", self.path); self.end_headers(); self.wfile.write(body[::-1])
HTTPServer((os.environ["POD_IP"], 8000), Handler).serve_forever()
"""
POD_ENV = [
    {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
    {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
]
TCP_PROBE = {"tcpSocket": {"port": "tcp"}, "periodSeconds": 1}
NAMED_PORT = [{"name": "tcp", "containerPort": 7000}]


def workload(labels: Object, container: Object, **spec: Any) -> Object:
    return {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        **spec,
    }


def service(space: Workspace, name: str, labels: Object, port: int, target: int | str) -> str:
    spec = {"selector": labels, "ports": [{"port": port, "targetPort": target}]}
    return space.create("services", name, spec=spec)["spec"]["clusterIP"]


def ask(address: str, port: int, source: str) -> list[str]:
    """The words a WHO_ARE_YOU server answers; empty when there is no answer."""
    try:
        with socket.create_connection((address, port), timeout=5, source_address=(source, 0)) as connection:
            return connection.recv(200).decode().split()
    except OSError:
        return []


def test_a_deployment_scales_and_its_service_relays_with_the_clients_source_address(space: Workspace) -> None:
    labels = {"app": "who"}
    address = service(space, "who", labels, 6000, "tcp")
    container = python(WHO_ARE_YOU, env=POD_ENV, ports=NAMED_PORT, readinessProbe=TCP_PROBE)
    space.create("deployments", "who", group="apps/v1", spec=workload(labels, container, replicas=1))
    source = space.block.host(99)
    space.eventually(lambda: ask(address, 6000, source)[:1] == [source], "an answer through the Service")
    space.api.merge(space.path("deployments", "who/scale", "apps/v1"), {"spec": {"replicas": 3}})
    seen: set[str] = set()

    def all_three_answered() -> bool:
        seen.update(ask(address, 6000, source)[1:])
        return len(seen) == 3

    space.eventually(all_three_answered, "answers from three Pods")
    assert seen == {pod["metadata"]["name"] for pod in space.pods(**labels)}
    assert len({pod["status"]["podIP"] for pod in space.pods(**labels)}) == 3


def test_a_service_carries_a_large_stream_both_ways_and_ends_it_cleanly(space: Workspace) -> None:
    program = """
import os, socket
server = socket.create_server((os.environ["POD_IP"], 7000))
while True:
    client, _ = server.accept(); total = 0
    while data := client.recv(1 << 16): total += len(data)
    client.sendall(b"x" * 3_000_000 + str(total).encode()); client.close()
"""
    address = service(space, "stream", {"app": "stream"}, 6000, 7000)
    probe = {"exec": {"command": ["python", "-c", "import os; assert os.environ['POD_IP']"]}}
    container = python(program, env=POD_ENV, readinessProbe=probe)
    space.create("pods", "stream", labels={"app": "stream"}, spec={"containers": [container]})
    space.eventually(lambda: is_ready(space.pod("stream")), "the Pod to be ready")

    def connection() -> socket.socket | None:
        try:
            return socket.create_connection((address, 6000), timeout=20)
        except OSError:
            return None

    answer = b""

    def streamed() -> bool:
        nonlocal answer
        answer = b""
        client = connection()
        if client is None:
            return False
        with client:
            try:
                client.sendall(b"y" * 5_000_000)
                client.shutdown(socket.SHUT_WR)
                while data := client.recv(1 << 16):
                    answer += data
            except OSError:
                return False
        return bool(answer)

    space.eventually(streamed, "the stream to pass")
    assert answer[3_000_000:] == b"5000000"


def test_readiness_gates_the_service_and_without_a_ready_pod_it_refuses(space: Workspace) -> None:
    flag = {"name": "flag", "emptyDir": {}}
    probe = {"exec": {"command": ["test", "-e", "/flag/ready"]}, "periodSeconds": 1, "failureThreshold": 1}
    mounts = [{"name": "flag", "mountPath": "/flag"}]
    container = python(WHO_ARE_YOU, env=POD_ENV, readinessProbe=probe, volumeMounts=mounts)
    address = service(space, "slow", {"app": "slow"}, 6001, 7000)
    space.create("pods", "slow", labels={"app": "slow"}, spec={"containers": [container], "volumes": [flag]})
    space.eventually(lambda: space.pod("slow")["status"]["phase"] == "Running", "the Pod to run")
    direct = space.pod("slow")["status"]["podIP"]
    source = space.block.host(98)
    space.eventually(lambda: ask(direct, 7000, source) != [], "the Pod's own answer")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address, 6001), timeout=5)
    (volume,) = space.cluster.volumes.glob("pods/slow-*/flag")
    (volume / "ready").touch()
    space.eventually(lambda: ask(address, 6001, source) == [source, "slow"], "an answer once ready")
    (volume / "ready").unlink()
    space.eventually(lambda: ask(address, 6001, source) == [], "refusal once not ready again")


def test_an_ingress_routes_by_path_and_says_404_and_503(space: Workspace) -> None:
    prefix = f"/{space.name}"
    service(space, "web", {"app": "web"}, 80, 8000)
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    paths = [{"path": prefix, "pathType": "Prefix", "backend": backend}]
    space.create("ingresses", "web", group="networking.k8s.io/v1", spec={"rules": [{"http": {"paths": paths}}]})
    edge = f"http://{space.block.prod.edge}:8080"

    def post(path: str) -> tuple[int, str, bytes]:
        try:
            with urllib.request.urlopen(f"{edge}{path}", data=b"abc", timeout=10) as answer:  # noqa: S310  http
                return answer.status, answer.headers["X-Path"], answer.read()
        except urllib.error.HTTPError as error:
            return error.code, "", b""

    space.eventually(lambda: post(f"{prefix}/x")[0] == 503, "503 while no Pod is ready")
    assert post(f"{prefix}-other")[0] == 404
    probe = {"tcpSocket": {"port": 8000}}
    container = python(WEB, env=POD_ENV, readinessProbe=probe)
    space.create("pods", "web", labels={"app": "web"}, spec={"containers": [container]})
    space.eventually(lambda: post(f"{prefix}/x?y=1") == (201, f"{prefix}/x?y=1", b"cba"), "the Pod's answer")


def test_a_job_completes_and_a_failing_one_fails_after_its_backoff_limit_with_the_exit_code(space: Workspace) -> None:
    for name, program in (("good", "print('done')"), ("bad", "raise SystemExit(3)")):
        template = {"spec": {"restartPolicy": "Never", "containers": [python(program)]}}
        space.create("jobs", name, group="batch/v1", spec={"backoffLimit": 0, "template": template})

    def condition(name: str, kind: str) -> bool:
        job = space.api.get(space.path("jobs", name, "batch/v1"))
        return any(c["type"] == kind and c["status"] == "True" for c in job["status"].get("conditions", []))

    space.eventually(lambda: condition("good", "Complete") and condition("bad", "Failed"), "both Jobs to end")
    (bad,) = space.pods(**{"job-name": "bad"})
    ended = container_state(bad)["terminated"]
    assert (bad["status"]["phase"], ended["exitCode"], ended["reason"]) == ("Failed", 3, "Error")
    (good,) = space.pods(**{"job-name": "good"})
    assert container_state(good)["terminated"]["reason"] == "Completed"
    assert space.log(good["metadata"]["name"]) == "done\n"


def test_a_cronjobs_template_runs_as_a_job_with_init_containers_in_order(space: Workspace) -> None:
    mounts = [{"name": "shared", "mountPath": "/shared"}]

    def step(name: str, text: str) -> Object:
        program = f"open('/shared/steps', 'a').write('{text}')"
        return {**python("", volumeMounts=mounts), "name": name, "command": ["python", "-c", program]}

    main = python("import sys; print(open(sys.argv[1]).read())", args=["/shared/steps"], volumeMounts=mounts)
    pod = {
        "restartPolicy": "Never",
        "volumes": [{"name": "shared", "emptyDir": {}}],
        "initContainers": [step("first", "1"), step("second", "2")],
        "containers": [main],
    }
    job = {"spec": {"template": {"spec": pod}}}
    cron = space.create("cronjobs", "nightly", group="batch/v1", spec={"schedule": "0 2 * * *", "jobTemplate": job})
    space.create("jobs", "by-hand", group="batch/v1", spec=cron["spec"]["jobTemplate"]["spec"])

    def completed() -> bool:
        return space.api.get(space.path("jobs", "by-hand", "batch/v1"))["status"].get("succeeded") == 1

    space.eventually(completed, "the Job to complete")
    (ran,) = space.pods(**{"job-name": "by-hand"})
    assert space.log(ran["metadata"]["name"]) == "12\n"


def test_a_lost_node_takes_its_processes_along_and_a_new_agent_brings_the_pods_back(space: Workspace) -> None:
    # The child is in a session of its own and knows nothing of its parent: it must go as well.
    program = "import subprocess; print(subprocess.Popen(['sleep', '600'], start_new_session=True).pid); "
    container = python(program + FOREVER)
    space.create("pods", "main", spec={"containers": [container]})
    space.eventually(lambda: space.log("main").strip() != "", "the Pod to run")
    child = Path(f"/proc/{space.log('main').split()[0]}")
    assert child.exists()
    parent = Path(f"/proc/{(child / 'stat').read_text().split()[3]}")
    space.cluster.kill_node()
    space.eventually(lambda: _gone(parent) and _gone(child), "the Pod's processes to die with the node")
    assert space.pod("main")["status"]["phase"] == "Running"
    space.cluster.restart_node()

    def restarted() -> bool:
        (status,) = space.pod("main")["status"]["containerStatuses"]
        return status["restartCount"] == 1 and "running" in status["state"]

    space.eventually(restarted, "the Pod to run again")
    lost = space.pod("main")["status"]["containerStatuses"][0]["lastState"]["terminated"]
    assert lost["exitCode"] == 137


def _gone(process: Path) -> bool:
    """Dead, whether or not somebody has collected it yet."""
    try:
        return (process / "stat").read_text().split()[2] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_deleting_a_pod_ends_all_of_its_processes_and_frees_its_directory(space: Workspace) -> None:
    program = "import subprocess; print(subprocess.Popen(['sleep', '600'], start_new_session=True).pid); "
    space.create("pods", "family", spec={"containers": [python(program + FOREVER)]})
    space.eventually(lambda: space.log("family").strip() != "", "the Pod to run")
    child = Path(f"/proc/{space.log('family').split()[0]}")
    space.api.request("DELETE", space.path("pods", "family"))
    space.eventually(lambda: space.pod("family") == {} and _gone(child), "the Pod to be gone")
    space.eventually(lambda: not list(space.cluster.volumes.glob("pods/family-*")), "its directory to be gone")


def test_a_crashing_container_is_restarted_with_a_backoff(space: Workspace) -> None:
    space.create("pods", "crash", spec={"containers": [python("raise SystemExit(7)")]})

    def backing_off() -> bool:
        state = container_state(space.pod("crash"))
        return state.get("waiting", {}).get("reason") == "CrashLoopBackOff"

    space.eventually(backing_off, "CrashLoopBackOff")
    space.eventually(lambda: space.pod("crash")["status"]["containerStatuses"][0]["restartCount"] >= 2, "restarts")
    status = space.pod("crash")["status"]
    assert status["containerStatuses"][0]["lastState"]["terminated"]["exitCode"] == 7
    assert status["phase"] == "Running"


def test_a_failing_liveness_probe_restarts_the_container(space: Workspace) -> None:
    probe = {"exec": {"command": ["test", "!", "-e", "/state/sick"]}, "periodSeconds": 1, "failureThreshold": 1}
    container = python(FOREVER, livenessProbe=probe, volumeMounts=[{"name": "state", "mountPath": "/state"}])
    spec = {"containers": [container], "volumes": [{"name": "state", "emptyDir": {}}]}
    space.create("pods", "sick", spec=spec)
    space.eventually(lambda: is_ready(space.pod("sick")), "the Pod to run")
    (volume,) = space.cluster.volumes.glob("pods/sick-*/state")
    (volume / "sick").touch()
    space.eventually(lambda: space.pod("sick")["status"]["containerStatuses"][0]["restartCount"] == 1, "a restart")
    ended = space.pod("sick")["status"]["containerStatuses"][0]["lastState"]["terminated"]
    assert ended["exitCode"] == 128 + signal.SIGTERM


@pytest.mark.parametrize(("policy", "second"), [("Always", "0o2770"), ("OnRootMismatch", "0o2700")])
def test_a_mount_gives_a_claim_to_its_group_as_kubelet_does(space: Workspace, policy: str, second: str) -> None:
    program = (
        "import os, sys; folder = sys.argv[1] + '/inner'; mode = lambda path: oct(os.stat(path).st_mode & 0o7777); "
        "os.path.exists(folder) or os.mkdir(folder, 0o700); print(mode(sys.argv[1]), mode(folder)); "
        # As a program leaves its own data behind.
        "os.chmod(folder, 0o2700)"
    )
    container = python(program, args=["/data"], volumeMounts=[{"name": "data", "mountPath": "/data"}])
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    space.create("persistentvolumeclaims", "data", spec=claim)
    spec = {
        "restartPolicy": "Never",
        "securityContext": {"fsGroup": 4242, "fsGroupChangePolicy": policy},
        "containers": [container],
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
    }
    for pod in ("first", "second"):
        space.create("pods", f"{pod}-{space.name}", spec=spec)
        space.eventually(
            lambda pod=pod: space.pod(f"{pod}-{space.name}")["status"]["phase"] in ("Succeeded", "Failed"), "its end"
        )
    root, _ = space.log(f"first-{space.name}").split()
    assert int(root, 8) & 0o2070 == 0o2070
    assert space.log(f"second-{space.name}").split() == [root, second]


def test_a_statefulsets_volume_survives_the_deletion_of_its_pod(space: Workspace) -> None:
    program = "import signal, sys; f = open(sys.argv[1], 'a+'); f.write('x'); f.seek(0); print(f.read()); f.close(); "
    mounts = [{"name": "data", "mountPath": "/var/lib/data"}]
    container = python(program + "signal.pause()", args=["/var/lib/data/marks"], volumeMounts=mounts)
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    template = {"metadata": {"name": "data"}, "spec": claim}
    spec = workload({"app": "db"}, container, serviceName="db", volumeClaimTemplates=[template])
    space.create("statefulsets", "db", group="apps/v1", spec=spec)
    space.eventually(lambda: space.log("db-0").split() == ["x"], "the first Pod's mark")
    first = space.pod("db-0")["metadata"]["uid"]
    space.api.request("DELETE", space.path("pods", "db-0"))

    def replaced() -> bool:
        pod = space.pod("db-0")
        return bool(pod) and pod["metadata"]["uid"] != first and is_ready(pod)

    space.eventually(replaced, "the second Pod")
    space.eventually(lambda: space.log("db-0").split() == ["x", "xx"], "both Pods' marks")
    claim = space.api.get(space.path("persistentvolumeclaims", "data-db-0"))
    assert claim["status"]["phase"] == "Bound"


def test_a_claim_that_is_made_anew_has_an_empty_volume_and_the_old_one_stays(space: Workspace) -> None:
    program = "import signal, sys; f = open(sys.argv[1], 'a+'); f.write('x'); f.seek(0); print(f.read()); f.close(); "
    mounts = [{"name": "data", "mountPath": "/var/lib/data"}]
    container = python(program + "signal.pause()", args=["/var/lib/data/marks"], volumeMounts=mounts)
    kept, of_no_class = f"kept-{space.name}", ""
    body = {"metadata": {"name": kept}, "provisioner": "lab", "reclaimPolicy": "Retain"}
    space.api.create("/apis/storage.k8s.io/v1/storageclasses", body)
    policies: list[str] = []
    for number, storage_class in enumerate((kept, of_no_class)):
        claim: Object = {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": storage_class,
            "resources": {"requests": {"storage": "1Gi"}},
        }
        space.create("persistentvolumeclaims", "data", spec=claim)
        name = f"pod-{number}-{space.name}"
        volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
        space.create("pods", name, spec={"containers": [container], "volumes": volumes})
        space.eventually(lambda name=name: space.log(name).split() == ["x"], "an empty volume")
        made = space.api.get(space.path("persistentvolumeclaims", "data"))
        volume = space.api.get(f"/api/v1/persistentvolumes/{made['spec']['volumeName']}")
        policies.append(volume["spec"]["persistentVolumeReclaimPolicy"])
        space.api.request("DELETE", f"{space.path('pods', name)}?gracePeriodSeconds=0")
        space.eventually(lambda name=name: not space.pod(name), "the Pod to go")
        space.api.request("DELETE", space.path("persistentvolumeclaims", "data"))
    assert policies == ["Retain", "Delete"]
    marks = (space.cluster.volumes / "claims" / space.name).glob("data*/marks")
    assert [each.read_text() for each in marks] == ["x", "x"]


def test_an_unknown_image_is_err_image_pull_and_the_pod_stays_pending(space: Workspace) -> None:
    container = {"name": "main", "image": f"registry.example/nobody/knows@{DIGEST}"}
    space.create("pods", "unknown", spec={"containers": [container]})

    def refused() -> bool:
        return container_state(space.pod("unknown")).get("waiting", {}).get("reason") == "ErrImagePull"

    space.eventually(refused, "ErrImagePull")
    assert space.pod("unknown")["status"]["phase"] == "Pending"


def test_secrets_fields_services_and_references_reach_the_process(space: Workspace) -> None:
    secret = {"password": base64.b64encode(b"s3cret").decode()}
    space.create("configmaps", "settings", data={"COLOUR": "green", "key.ini": "a=b"})
    address = service(space, "order-db", {"app": "none"}, 5432, 5432)
    env = [
        *POD_ENV,
        {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "login", "key": "password"}}},
        {"name": "URL", "value": "$(ORDER_DB_SERVICE_HOST):$(ORDER_DB_SERVICE_PORT) $(COLOUR) $$(COLOUR) $(NOPE)"},
        {"name": "SECRET_FILE", "value": "/etc/login/password"},
    ]
    program = (
        "import os, sys; e = os.environ; "
        "print(e['PASSWORD'], e['URL'], sys.argv[1:], open(e['SECRET_FILE']).read(), open(sys.argv[2]).read(), "
        "oct(os.stat(e['SECRET_FILE']).st_mode & 0o777), sorted(e.keys() & {'LAB_BIN', 'PYTHONPATH', 'VIRTUAL_ENV'}))"
    )
    container = python(
        program,
        env=env,
        envFrom=[{"configMapRef": {"name": "settings"}}],
        args=["$(POD_NAME)", "/etc/settings/key.ini"],
        volumeMounts=[
            {"name": "login", "mountPath": "/etc/login"},
            {"name": "settings", "mountPath": "/etc/settings"},
        ],
    )
    volumes = [
        {"name": "login", "secret": {"secretName": "login"}},
        {"name": "settings", "configMap": {"name": "settings"}},
    ]
    spec = {"restartPolicy": "Never", "containers": [container], "volumes": volumes}
    space.create("pods", "env", spec=spec)
    space.eventually(lambda: "login not found" in space.pod("env")["status"].get("message", ""), "the missing Secret")
    space.create("secrets", "login", data=secret)
    space.eventually(lambda: space.pod("env")["status"]["phase"] in ("Succeeded", "Failed"), "the Pod to end")
    words = space.log("env").strip()
    folder = words.partition("['env', '")[2].partition("'")[0]
    assert words == f"s3cret {address}:5432 green $(COLOUR) $(NOPE) ['env', '{folder}'] s3cret a=b 0o600 []"


def test_a_killed_container_is_restarted_alone_and_the_others_keep_what_they_share(space: Workspace) -> None:
    """As server and guard: one listens on a socket in a volume, the other relays to it, and either may die."""
    server = """
import os, socket
listener = socket.socket(socket.AF_UNIX); listener.bind(os.environ["FOLDER"] + "/s")
listener.listen()
print(os.getpid(), flush=True)
while True:
    client, _ = listener.accept(); client.sendall(b"served"); client.close()
"""
    relay = """
import os, socket
print(os.getpid(), flush=True)
front = socket.create_server((os.environ["POD_IP"], 7000))
while True:
    client, _ = front.accept()
    back = socket.socket(socket.AF_UNIX); back.connect(os.environ["FOLDER"] + "/s")
    client.sendall(back.recv(20)); client.close()
"""
    env = [*POD_ENV, {"name": "FOLDER", "value": "/run/share"}]
    mounts = [{"name": "share", "mountPath": "/run/share"}]
    ready = {"exec": {"command": ["test", "-S", "/run/share/s"]}, "periodSeconds": 1}
    containers = [
        {**python(server, env=env, volumeMounts=mounts, readinessProbe=ready), "name": "server"},
        {**python(relay, env=env, volumeMounts=mounts, ports=NAMED_PORT, readinessProbe=TCP_PROBE), "name": "relay"},
    ]
    labels = {"app": "pair"}
    address = service(space, "pair", labels, 6000, 7000)
    spec = {"containers": containers, "volumes": [{"name": "share", "emptyDir": {}}]}
    space.create("pods", "pair", labels=labels, spec=spec)
    source = space.block.host(99)
    space.eventually(lambda: ask(address, 6000, source) == ["served"], "an answer through both")
    pid = space.log("pair", "server").split()
    os.kill(int(space.log("pair", "relay").split()[-1]), signal.SIGKILL)  # it may have started before the server
    space.eventually(lambda: len(space.log("pair", "relay").split()) == 2, "the relay to be started again")
    space.eventually(lambda: ask(address, 6000, source) == ["served"], "an answer through both again")
    assert space.log("pair", "server").split() == pid
    restarts = {each["name"]: each["restartCount"] for each in space.pod("pair")["status"]["containerStatuses"]}
    assert restarts == {"server": 0, "relay": 1}


def test_a_change_reaches_a_stateful_set_s_pod_that_is_not_ready_where_its_policy_is_parallel(space: Workspace) -> None:
    """The real controller: with OrderedReady it would wait for the old Pod to be ready, here for ever."""
    never = {"exec": {"command": ["false"]}, "periodSeconds": 1}
    container = python("print('first', flush=True); " + FOREVER, readinessProbe=never)
    spec = workload({"app": "shut"}, container, serviceName="shut", podManagementPolicy="Parallel")
    space.create("statefulsets", "shut", group="apps/v1", spec=spec)
    space.eventually(lambda: space.log("shut-0") == "first\n", "the first Pod")
    changed = python("print('second', flush=True); " + FOREVER, readinessProbe=never)
    template = {"template": {"spec": {"containers": [changed]}}}
    space.api.merge(space.path("statefulsets", "shut", "apps/v1"), {"spec": template})
    space.eventually(lambda: space.log("shut-0") == "first\nsecond\n", "the changed Pod")
    assert not is_ready(space.pod("shut-0"))


def test_a_service_of_pods_that_need_not_be_ready_relays_to_one_that_is_not(space: Workspace) -> None:
    labels = {"app": "shut"}
    ports = [{"port": 6000, "targetPort": 7000}]
    spec = {"selector": labels, "ports": ports, "publishNotReadyAddresses": True}
    address = space.create("services", "open", spec=spec)["spec"]["clusterIP"]
    closed = service(space, "closed", labels, 6000, 7000)
    never = {"exec": {"command": ["false"]}, "periodSeconds": 1}
    container = python(WHO_ARE_YOU, env=POD_ENV, readinessProbe=never)
    space.create("pods", "shut", labels=labels, spec={"containers": [container]})
    source = space.block.host(99)
    space.eventually(lambda: ask(address, 6000, source)[:1] == [source], "an answer of a Pod that is not ready")
    assert ask(closed, 6000, source) == []


def test_processes_run_under_the_images_user_when_the_lab_is_root(space: Workspace) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can change users")
    # The shell, because an interpreter under root's home is out of the other user's reach.
    container = {
        "name": "main",
        "image": f"lab.test/shell-4242@{DIGEST}",
        "args": ["id -u; touch /data/x && stat -c %u /data/x"],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    spec = {"restartPolicy": "Never", "containers": [container], "volumes": [{"name": "data", "emptyDir": {}}]}
    space.create("pods", "user", spec=spec)
    space.eventually(lambda: space.pod("user")["status"]["phase"] in ("Succeeded", "Failed"), "the Pod to end")
    assert space.log("user") == "4242\n4242\n"

"""One container of a Pod: starts its process, watches its probes, restarts it as the Pod's policy says."""

import asyncio
import signal
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from lab.kubernetes.api import ApiError, Object
from lab.kubernetes.environment import (
    MissingSourceError,
    declared_environment,
    expand,
    own_loopback,
    service_variables,
)
from lab.kubernetes.images import Image
from lab.kubernetes.pod_context import PodContext
from lab.kubernetes.probes import Probe, keep_ready, until_dead
from lab.kubernetes.process import Process
from lab.kubernetes.volumes import translate

# Kubernetes waits 10 s, doubling to 300 s; a lab run is shorter than that.
BACKOFF_SECONDS, BACKOFF_LIMIT_SECONDS, HEALTHY_SECONDS = 0.2, 3.0, 10.0
START_ERROR_CODE, LOST_CODE = 128, 137
LOG_TAIL_BYTES = 2000


@dataclass(frozen=True)
class Launch:
    """What is executed."""

    argv: list[str]
    env: dict[str, str]
    cwd: Path
    uid: int | None
    stop_signal: signal.Signals


def now() -> str:
    """The time as the Kubernetes API writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Container:
    """State and life of one container. `restart` is Always, OnFailure or Never.

    `before` is its status from an earlier agent: what ran then was lost with the node.
    """

    def __init__(self, context: PodContext, spec: Object, restart: str, before: Object | None) -> None:
        self.spec, self.name = spec, str(spec["name"])
        self.state: Object = {"waiting": {"reason": "ContainerCreating"}}
        self.last_state: Object = {}
        self.restarts, self.ready, self.started = 0, False, asyncio.Event()
        self.exit_code: int | None = None
        self._context, self._restart = context, restart
        self._stopping, self._process, self._stop_signal = asyncio.Event(), None, signal.SIGTERM
        self._log = context.node.logs / f"{context.name}.{self.name}.log"
        if before:
            self._inherit(before)

    _process: Process | None

    def _inherit(self, before: Object) -> None:
        state, self.last_state = before["state"], before.get("lastState") or {}
        self.restarts = before["restartCount"]
        if "running" in state:
            lost = {"exitCode": LOST_CODE, "reason": "ContainerStatusUnknown", "finishedAt": now()}
            state = {"terminated": {**lost, "startedAt": state["running"].get("startedAt")}}
        if "terminated" in state:
            code = int(state["terminated"]["exitCode"])
            if self._restarts_after(code):
                self.last_state = state
            else:
                self.state, self.exit_code = state, code

    @property
    def has_run(self) -> bool:
        return bool(self.last_state) or self.state.keys() != {"waiting"}

    def status(self) -> Object:
        """For `containerStatuses`."""
        return {
            "name": self.name,
            "image": self.spec["image"],
            "imageID": self.spec["image"],
            "containerID": f"lab://{self._context.uid}/{self.name}/{self.restarts}",
            "ready": self.ready,
            "started": self.started.is_set(),
            "restartCount": self.restarts,
            "state": self.state,
            "lastState": self.last_state,
        }

    async def run(self) -> int | None:
        """Run until the policy wants no restart: the last exit code, or None when stopped before it ever started."""
        if self.exit_code is not None:
            return self.exit_code
        loop, pause = asyncio.get_running_loop(), BACKOFF_SECONDS
        while not self._stopping.is_set():
            began = loop.time()
            code = await self._run_once()
            if code is not None and not self._restarts_after(code):
                self.exit_code = code
                break
            if loop.time() - began > HEALTHY_SECONDS:
                pause = BACKOFF_SECONDS
            if code is not None and not self._stopping.is_set():
                self.last_state = self.state
                self._set({"waiting": {"reason": "CrashLoopBackOff", "message": f"back-off {pause:g}s"}})
            await self._pause(pause)
            pause = min(pause * 2, BACKOFF_LIMIT_SECONDS)
        self._context.changed()
        return self.exit_code

    async def stop(self, grace_seconds: float) -> None:
        """End it for good."""
        self._stopping.set()
        if self._process:
            self.exit_code = await self._process.stop(grace_seconds, self._stop_signal)

    async def _run_once(self) -> int | None:
        """One start: the exit code, or None when it could not even be tried (the reason is in the state)."""
        image = self._context.node.image(self.spec["image"])
        if image is None:
            message = f"{self.spec['image']}: not in the lab's images; add its repository to the images file"
            self._set({"waiting": {"reason": "ErrImagePull", "message": message}})
            return None
        try:
            launch = await asyncio.to_thread(self._prepare, image)
        except MissingSourceError as error:
            self._set({"waiting": {"reason": "CreateContainerConfigError", "message": str(error)}})
            return None
        except ApiError as error:
            self._set({"waiting": {"reason": "ContainerCreating", "message": str(error)}})
            return None
        if self._stopping.is_set():
            return None
        return await self._execute(launch)

    async def _execute(self, launch: Launch) -> int:
        if self.last_state:
            self.restarts += 1
        started_at = now()
        try:
            process = Process(launch.argv, env=launch.env, cwd=launch.cwd, uid=launch.uid, output=self._log)
        except OSError as error:
            self._terminated(START_ERROR_CODE, "StartError", started_at, f"{launch.argv[:1]}: {error}")
            return START_ERROR_CODE
        self._process, self._stop_signal = process, launch.stop_signal
        self._set({"running": {"startedAt": started_at}})
        watching = asyncio.create_task(self._watch(process, launch))
        code = await process.wait()
        self._process = None
        watching.cancel()
        self.ready = False
        self.started.clear()
        self._terminated(code, "Completed" if code == 0 else "Error", started_at, self._last_words(code))
        return code

    async def _watch(self, process: Process, launch: Launch) -> None:
        """Follow the probes of a running process; ends the process when one says so."""
        kinds = ("startupProbe", "readinessProbe", "livenessProbe")
        startup, readiness, liveness = (self._probe(kind, launch) for kind in kinds)
        if startup and not await startup.first_success():
            await process.stop(self._context.grace_seconds, launch.stop_signal)
            return
        self.started.set()
        self._set_ready(readiness is None)
        async with asyncio.TaskGroup() as group:
            if readiness:
                group.create_task(keep_ready(readiness, self._set_ready))
            if liveness:
                await until_dead(liveness)
                await process.stop(self._context.grace_seconds, launch.stop_signal)

    def _probe(self, kind: str, launch: Launch) -> Probe | None:
        declared = self.spec.get(kind)
        if declared is None:
            return None
        ports = {port["name"]: port["containerPort"] for port in self.spec.get("ports", []) if port.get("name")}

        async def execute(command: list[str]) -> int:
            mounts = self._context.volumes.mounts(self.spec)
            argv = [translate(part, mounts) for part in command]
            process = Process(argv, env=launch.env, cwd=launch.cwd, uid=launch.uid, output=Path("/dev/null"))
            try:
                return await process.wait()
            finally:
                process.kill()

        return Probe(declared, self._context.address, ports, execute)

    def _prepare(self, image: Image) -> Launch:
        """Environment and command line. Raises MissingSourceError, ApiError."""
        context, spec = self._context, self.spec
        mounts = context.volumes.mounts(spec)
        services: dict[str, str] = {}
        if context.pod["spec"].get("enableServiceLinks", True):
            services = service_variables(context.node.services(), context.namespace)
        declared = declared_environment(spec, context.pod, services, context.fetch)
        home, routed = context.volumes.home, context.node.pod_identity.routed
        here = partial(own_loopback, context.address)
        env = {
            "PATH": ":".join([*image.path, "/usr/bin", "/bin"]),
            "HOME": str(home / "home"),
            "TMPDIR": mounts.get("/tmp", str(home / "tmp")),  # noqa: S108  the container's mount path, not a file
            "LANG": "C.UTF-8",
            "HOSTNAME": context.name,
            **image.env,
            **{name: here(routed(translate(value, mounts))) for name, value in declared.items()},
        }
        words = [*spec.get("command", []), *spec.get("args", [])]
        argv = [here(translate(expand(word, declared), mounts)) for word in words]
        if not spec.get("command"):
            argv = [*image.entrypoint, *argv]
        if not argv:
            raise MissingSourceError("neither the container nor its image says what to run")
        folder = translate(spec["workingDir"], mounts) if spec.get("workingDir") else home / "home"
        return Launch(argv, env, Path(folder), image.uid, signal.Signals[image.stop_signal])

    def _restarts_after(self, code: int) -> bool:
        return self._restart == "Always" or (self._restart == "OnFailure" and code != 0)

    def _terminated(self, code: int, reason: str, started_at: str, message: str) -> None:
        ended = {"exitCode": code, "reason": reason, "startedAt": started_at, "finishedAt": now()}
        self._set({"terminated": {**ended, "message": message} if message else ended})

    def _last_words(self, code: int) -> str:
        if code == 0 or self.spec.get("terminationMessagePolicy") != "FallbackToLogsOnError":
            return ""
        return self._log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace")

    def _set(self, state: Object) -> None:
        self.state = state
        self._context.changed()

    def _set_ready(self, ready: bool) -> None:
        self.ready = ready
        self._context.changed()

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

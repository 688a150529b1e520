"""One Pod on this node: its volumes, its containers in order, its status in the API, its end."""

import asyncio
import logging

from lab.kubernetes.api import ApiError, Object
from lab.kubernetes.containers import Container, now
from lab.kubernetes.environment import MissingSourceError
from lab.kubernetes.node import Node
from lab.kubernetes.pod_context import PodContext
from lab.kubernetes.volumes import PodVolumes

RETRY_SECONDS = 0.3
GONE = (404, 409)
FINISHED = ("Succeeded", "Failed")

log = logging.getLogger(__name__)


class PodWorker:
    """Runs a bound Pod from now until it is deleted. Create it in the event loop."""

    def __init__(self, node: Node, pod: Object) -> None:
        status = pod.get("status", {})
        address = node.addresses.take(pod)
        meta = pod["metadata"]
        home = node.volumes / "pods" / f"{meta['name'][-20:]}-{meta['uid'][:8]}"
        known = {**pod, "status": {**status, "podIP": address, "hostIP": address}}
        volumes = PodVolumes(home, node.volumes / "claims" / meta["namespace"], known)
        self.context = PodContext(node=node, pod=known, address=address, volumes=volumes, changed=self._mark)
        self._conditions = {c["type"]: c for c in status.get("conditions", [])}
        self._started_at = status.get("startTime") or now()
        self._message, self._initialized, self._ended, self._stopping = "", False, False, False
        self._dirty, self._sending, self._sent = asyncio.Event(), asyncio.Lock(), {}
        self._build_containers(pod["spec"], status)
        self._life = asyncio.create_task(self._live())
        self._life.add_done_callback(self._report_defect)
        self._publisher = asyncio.create_task(self._publish())
        self._end: asyncio.Task[None] | None = None

    _sent: Object

    def _build_containers(self, spec: Object, status: Object) -> None:
        policy = spec.get("restartPolicy", "Always")
        before = {c["name"]: c for c in status.get("containerStatuses", [])}
        self._containers = [Container(self.context, c, policy, before.get(c["name"])) for c in spec["containers"]]
        again = "Never" if policy == "Never" else "OnFailure"
        self._inits = [
            Container(self.context, c, c.get("restartPolicy", again), None) for c in spec.get("initContainers", [])
        ]
        self._sidecars = [c for c in self._inits if c.spec.get("restartPolicy") == "Always"]

    # -- life

    async def _live(self) -> None:
        try:
            await self._prepare_volumes()
            if await self._initialize():
                await asyncio.gather(*(container.run() for container in self._containers))
        finally:
            if not self._stopping:
                await self._stop_containers(self.context.grace_seconds)
            self._ended = True
            self._mark()

    def _report_defect(self, life: asyncio.Task[None]) -> None:
        if not life.cancelled() and life.exception():
            log.error("Pod %s could not be run", self.context.name, exc_info=life.exception())

    async def _prepare_volumes(self) -> None:
        context = self.context
        while not self._stopping:
            try:
                await asyncio.to_thread(context.bind_claims)
                await asyncio.to_thread(context.volumes.prepare, self._owners(), context.fetch, context.token)
            except (MissingSourceError, ApiError) as error:
                self._message = str(error)
                self._mark()
                await asyncio.sleep(RETRY_SECONDS)
            else:
                self._message = ""
                return

    def _owners(self) -> dict[str, int]:
        """Whose a volume is: the first container's, in order, whose image has a user of its own."""
        owners: dict[str, int] = {}
        for container in [*self._containers, *self._inits]:
            image = self.context.node.image(container.spec["image"])
            if image and image.uid is not None:
                names = ["", *(mount["name"] for mount in container.spec.get("volumeMounts", []))]
                owners = {**dict.fromkeys(names, image.uid), **owners}
        return owners

    async def _initialize(self) -> bool:
        """Run the init containers in order; those that restart Always are sidecars and keep running."""
        background: set[asyncio.Task[int | None]] = set()
        for container in self._inits:
            if self._stopping:
                return False
            run = asyncio.create_task(container.run())
            if container in self._sidecars:
                background.add(run)
                await asyncio.wait(
                    [run, asyncio.create_task(container.started.wait())], return_when=asyncio.FIRST_COMPLETED
                )
            elif await run != 0:
                return False
        if self._inits:
            await asyncio.to_thread(self.context.volumes.hand_over)
        self._initialized = True
        self._mark()
        return not self._stopping

    async def _stop_containers(self, grace_seconds: float) -> None:
        await asyncio.gather(*(c.stop(grace_seconds) for c in self._containers))
        await asyncio.gather(*(c.stop(grace_seconds) for c in self._inits))

    def delete(self, grace_seconds: float) -> None:
        """The API wants it gone: end it, tell how it ended, confirm the deletion. Safe to call again."""
        if self._end is None:
            self._end = asyncio.create_task(self._delete(grace_seconds))

    async def _delete(self, grace_seconds: float) -> None:
        await self._halt(grace_seconds)
        await self._send()
        await confirm_deletion(self.context.node, self.context.pod)

    async def abandon(self, grace_seconds: float) -> None:
        """End its processes without a word to the API, as when a node goes down."""
        self._publisher.cancel()
        await self._halt(grace_seconds)

    async def _halt(self, grace_seconds: float) -> None:
        self._stopping = True
        await self._stop_containers(grace_seconds)
        await asyncio.wait([self._life])

    def vanish(self) -> None:
        """The object is gone from the API: drop whatever is left of it."""
        self._end = asyncio.create_task(self._vanish(self._end))

    async def _vanish(self, ending: asyncio.Task[None] | None) -> None:
        await self.abandon(0)
        if ending:
            await asyncio.wait([ending])
        self.context.node.addresses.release(self.context.address)
        await asyncio.to_thread(self.context.volumes.remove)

    # -- status

    def _mark(self) -> None:
        self._dirty.set()

    async def _publish(self) -> None:
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            if not await self._send():
                await asyncio.sleep(RETRY_SECONDS)
                self._dirty.set()

    async def _send(self) -> bool:
        """Write the status if it changed; False when that should be tried again."""
        async with self._sending:
            status = self.status()
            if status == self._sent:
                return True
            # The uid makes this fail when a new Pod of the same name has taken the place.
            body = {"metadata": {"uid": self.context.uid}, "status": status}
            try:
                await asyncio.to_thread(self.context.node.api.merge, f"{self.context.path}/status", body)
            except ApiError as error:
                if error.status not in GONE:
                    log.warning("status of %s not written: %s", self.context.name, error)
                return error.status != 0 and error.status < 500
            self._sent = status
            return True

    def status(self) -> Object:
        """The Pod's status as it is now."""
        ready = self._initialized and not self._ended and all(c.ready for c in [*self._containers, *self._sidecars])
        self._condition("PodScheduled", True)
        self._condition("Initialized", self._initialized)
        self._condition("ContainersReady", ready)
        self._condition("Ready", ready)
        return {
            "phase": self._phase(),
            "message": self._message or None,
            "hostIP": self.context.address,
            "podIP": self.context.address,
            "podIPs": [{"ip": self.context.address}],
            "startTime": self._started_at,
            "conditions": list(self._conditions.values()),
            "initContainerStatuses": [c.status() for c in self._inits],
            "containerStatuses": [c.status() for c in self._containers],
        }

    def _phase(self) -> str:
        if self._ended:
            return "Succeeded" if all(c.exit_code == 0 for c in self._containers) else "Failed"
        return "Running" if any(c.has_run for c in self._containers) else "Pending"

    def _condition(self, kind: str, holds: bool) -> None:
        word = "True" if holds else "False"
        if self._conditions.get(kind, {}).get("status") != word:
            self._conditions[kind] = {"type": kind, "status": word, "lastTransitionTime": now()}


async def confirm_deletion(node: Node, pod: Object) -> None:
    """Tell the API that nothing of the Pod runs any more."""
    meta = pod["metadata"]
    path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}"
    body = {"gracePeriodSeconds": 0, "preconditions": {"uid": meta["uid"]}}
    while True:
        try:
            await asyncio.to_thread(node.api.request, "DELETE", path, body)
        except ApiError as error:
            if 0 < error.status < 500:
                return
            await asyncio.sleep(RETRY_SECONDS)
        else:
            return

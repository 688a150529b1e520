"""A local copy of one kind of object, kept current by list and watch through the API server's restarts."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable

from lab.kubernetes.api import Api, ApiError, Object

RETRY_SECONDS = 0.2
GONE = 410

log = logging.getLogger(__name__)


class Cache:
    """Objects of the collection at `path`, by uid. Filled by a thread, read and changed only in the event loop.

    `changed` is called in the loop after every change; `synced` becomes true with the first complete list.
    """

    def __init__(self, api: Api, path: str, changed: Callable[[], None]) -> None:
        self.objects: dict[str, Object] = {}
        self.synced = False
        self._api, self._path, self._changed = api, path, changed
        self._loop = asyncio.get_running_loop()

    def items(self) -> list[Object]:
        """The objects as they are now."""
        return list(self.objects.values())

    def start(self) -> None:
        """Begin to follow the collection."""
        threading.Thread(target=self._follow, name=f"watch {self._path}", daemon=True).start()

    def _follow(self) -> None:
        version = ""
        while True:
            try:
                version = self._catch_up(version)
            except ApiError as error:
                # A restarted server may have lost the end of its history (etcd runs without fsync): list again.
                version = ""
                if error.status != GONE:
                    log.info("%s; trying again", error)
                    time.sleep(RETRY_SECONDS)
            except RuntimeError:
                return  # the loop has been closed: the agent is ending

    def _catch_up(self, version: str) -> str:
        """List when there is no version to go on from, then watch until the server ends it: the version reached."""
        if not version:
            listed = self._api.get(self._path)
            version = listed["metadata"]["resourceVersion"]
            self._loop.call_soon_threadsafe(self._replace, listed["items"])
        for event in self._api.watch(self._path, version):
            item = event["object"]
            if event["type"] == "ERROR":
                raise ApiError(int(item.get("code", GONE)), str(item.get("message")))
            version = item["metadata"]["resourceVersion"]
            if event["type"] != "BOOKMARK":
                self._loop.call_soon_threadsafe(self._apply, event["type"], item)
        return version

    def _replace(self, items: list[Object]) -> None:
        self.objects = {item["metadata"]["uid"]: item for item in items}
        self.synced = True
        self._changed()

    def _apply(self, kind: str, item: Object) -> None:
        if kind == "DELETED":
            self.objects.pop(item["metadata"]["uid"], None)
        else:
            self.objects[item["metadata"]["uid"]] = item
        self._changed()

"""A kubeconfig's `exec` plug-in, such as `aws eks get-token`: a program that prints a login, and until when it holds.

https://kubernetes.io/docs/reference/config-api/client-authentication.v1/
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any

from recovery.errors import Refused

_SECONDS = 30.0
"""For a plug-in that asks nobody anything."""
_RENEWED_BEFORE = timedelta(minutes=1)
_LONGEST_ERROR = 300


class ExecCredential:
    """What `plugin` printed last. It is run again when that has expired; by one thread at a time.

    Every method raises Refused when it cannot be run, fails, or prints something else.
    """

    def __init__(self, plugin: Mapping[str, Any], kubeconfig: Path) -> None:
        self._plugin, self._kubeconfig = plugin, kubeconfig
        self._status: dict[str, Any] | None = None
        self._lock = Lock()

    def token(self) -> str:
        """The bearer token; empty when the plug-in logs in by a certificate."""
        return str(self._current().get("token") or "")

    def certificate(self) -> tuple[str, str]:
        """PEM texts of a certificate and its key; empty when the plug-in logs in by a token."""
        status = self._current()
        return str(status.get("clientCertificateData") or ""), str(status.get("clientKeyData") or "")

    def _current(self) -> dict[str, Any]:
        with self._lock:
            if self._status is None or self._expired(self._status):
                self._status = self._run()
            return self._status

    def _expired(self, status: Mapping[str, Any]) -> bool:
        until = status.get("expirationTimestamp")
        return until is not None and datetime.fromisoformat(until) - datetime.now(UTC) < _RENEWED_BEFORE

    def _run(self) -> dict[str, Any]:
        try:
            version, command = str(self._plugin["apiVersion"]), str(self._plugin["command"])
            extra = {str(each["name"]): str(each["value"]) for each in self._plugin.get("env") or ()}
            arguments = [str(each) for each in self._plugin.get("args") or ()]
        except (KeyError, TypeError):
            raise self._refused("it names no `apiVersion` and `command`") from None
        mode = self._plugin.get("interactiveMode") or "IfAvailable"
        interactive = mode != "Never" and sys.stdin is not None and sys.stdin.isatty()
        if mode == "Always" and not interactive:
            raise self._refused(f"{command} has to ask somebody, and there is no terminal")
        told = json.dumps({"apiVersion": version, "kind": "ExecCredential", "spec": {"interactive": interactive}})
        # A path is meant from the kubeconfig's folder, a bare name is looked for on PATH.
        program = str(self._kubeconfig.parent.absolute() / command) if "/" in command else command
        try:
            done = subprocess.run(
                [program, *arguments],
                env={**os.environ, **extra, "KUBERNETES_EXEC_INFO": told},
                stdin=None if interactive else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=None if interactive else subprocess.PIPE,
                timeout=None if interactive else _SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise self._refused(f"{command} did not end within {_SECONDS:.0f} s") from None
        except OSError as error:
            raise self._refused(f"{command} cannot be run: {error.strerror}") from None
        if done.returncode:
            said = " ".join((done.stderr or b"").decode(errors="replace").split())[-_LONGEST_ERROR:]
            raise self._refused(f"{command} ended with {done.returncode}{said and f': {said}'}")
        return self._read(done.stdout, version, command)

    def _read(self, printed: bytes, version: str, command: str) -> dict[str, Any]:
        """What is printed is secret: no word of it is repeated."""
        try:
            said = json.loads(printed)
            status = said["status"]
            usable = said["apiVersion"] == version and bool(status.get("token") or status.get("clientKeyData"))
            self._expired(status)
        except (ValueError, KeyError, TypeError, AttributeError):
            usable, status = False, {}
        if not usable:
            raise self._refused(f"{command} printed no credential of {version}")
        return status

    def _refused(self, why: str) -> Refused:
        return Refused(
            f"the `exec` plug-in of kubeconfig {self._kubeconfig} gives no login: {why}",
            next_step="run it by hand to see, or name another kubeconfig with --kubeconfig",
        )

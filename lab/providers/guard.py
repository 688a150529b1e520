"""The plugins' first line: outside a lab run, or with anything but loopback to talk to, they do not start."""

import ipaddress
import os
import sys
from collections.abc import Mapping
from typing import Any, NoReturn
from urllib.parse import urlsplit


class OutsideTheLab(Exception):
    """Raised when a plugin would run without the run's marker or talk to something that is not loopback."""


def require_loopback(what: str, url: str) -> None:
    """Raises OutsideTheLab unless the URL's host is a loopback *address* (a name could resolve to anything)."""
    host = urlsplit(url).hostname or ""
    try:
        inside = ipaddress.ip_address(host).is_loopback
    except ValueError:
        inside = False
    if not inside:
        raise OutsideTheLab(
            f"{what} is {url!r}, which is not a loopback address; the lab's providers talk to nothing else"
        )


def require_marker(environment: Mapping[str, str]) -> None:
    """Raises OutsideTheLab unless LAB_RUN names the run."""
    if not environment.get("LAB_RUN"):
        raise OutsideTheLab(
            "LAB_RUN is not set; this is the lab's provider, for real infrastructure use the official one"
        )


def require_local_kubeconfig(kubeconfig: Mapping[str, Any]) -> None:
    """Raises OutsideTheLab when any cluster of the kubeconfig is not on loopback."""
    for cluster in kubeconfig.get("clusters") or []:
        require_loopback(
            f"cluster {cluster.get('name')!r} of the kubeconfig", (cluster.get("cluster") or {}).get("server", "")
        )


def refuse(plugin: str, reason: OutsideTheLab) -> NoReturn:
    sys.stderr.write(f"{plugin}: refused to start: {reason}\n")
    raise SystemExit(1)


def check_aws_environment(environment: Mapping[str, str] = os.environ) -> str:
    """The endpoint to use. Raises OutsideTheLab."""
    require_marker(environment)
    endpoints = {key: value for key, value in environment.items() if key.startswith("AWS_ENDPOINT_URL")}
    for key, url in endpoints.items():
        require_loopback(key, url)
    if "AWS_ENDPOINT_URL" not in endpoints:
        raise OutsideTheLab("AWS_ENDPOINT_URL is not set; without it requests would go to AWS itself")
    return endpoints["AWS_ENDPOINT_URL"]

"""EKS Pod Identity as a Pod sees it: on every node an agent that gives credentials for a service account's token.

Real: the endpoint and its answers, the token (projected, for the audience `pods.eks.amazonaws.com`, bound to the Pod
and judged by the API server), the session of the associated role, and that without an association there are none.
Not real: the address, which is the node's own instead of 169.254.170.23 (`routed`); the webhook, so a Pod that declares
nothing has nothing; EKS Auth, whose associations are those that the lab's provider noted, known at once; the role's
trust policy and session tags, which nobody looks at.
"""

import json
import re
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlencode

import urllib3

from lab.kubernetes.api import Api, ApiError, Object
from lab.noted import POD_IDENTITIES

PORT = 8170
LINK_LOCAL = "http://169.254.170.23"
AUDIENCE = "pods.eks.amazonaws.com"
_SECONDS = 5.0
_ACCOUNT = re.compile(r"system:serviceaccount:(?P<namespace>[^:]+):(?P<account>[^:]+)")


class Denied(Exception):
    """No credentials: HTTP status and EKS Auth's error."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"({code}): {message}, fault: client")
        self.status = status


@dataclass(frozen=True, kw_only=True)
class EksAuth:
    """The regional service behind the agent. `endpoint`: the way to AWS of this place; `noted`: the provider's file."""

    cluster: str
    region: str
    endpoint: str
    noted: str

    def credentials(self, namespace: str, account: str) -> dict[str, str]:
        """A session of the associated role. Raises Denied when there is no association, or AWS does not answer."""
        path = Path(self.noted)
        held = json.loads(path.read_text()).get(POD_IDENTITIES, {}) if path.exists() else {}
        found = held.get(f"{self.region} {self.cluster}:{namespace}:{account}")
        if found is None:
            message = f"No association found for service account {namespace}/{account} in cluster {self.cluster}"
            raise Denied(404, "ResourceNotFoundException", message)
        return self._session(found["inputs"]["roleArn"], account)

    def _session(self, role: str, name: str) -> dict[str, str]:
        """AssumeRole, without the SDK, which takes longer to load than everything else here."""
        scope = f"lab/20260101/{self.region}/sts/aws4_request"
        headers = {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=lab"}
        headers |= {"Content-Type": "application/x-www-form-urlencoded"}
        body = urlencode({"Action": "AssumeRole", "Version": "2011-06-15", "RoleArn": role, "RoleSessionName": name})
        try:
            answer = urllib3.request("POST", self.endpoint, body=body, headers=headers, timeout=_SECONDS, retries=False)
        except urllib3.exceptions.HTTPError as error:
            raise Denied(503, "ServiceUnavailableException", str(error)) from None
        text = answer.data.decode(errors="replace")
        if answer.status != 200:
            raise Denied(400, "AccessDeniedException", text[:200])
        names = {"AccessKeyId": "AccessKeyId", "SecretAccessKey": "SecretAccessKey", "Token": "SessionToken"}
        return {ours: _element(text, theirs) for ours, theirs in {**names, "Expiration": "Expiration"}.items()}


def _element(text: str, name: str) -> str:
    found = re.search(rf"<{name}>([^<]*)</{name}>", text)
    if found is None:
        raise Denied(500, "InternalServerException", f"STS's answer has no {name}")
    return found[1]


class PodIdentityAgent:
    """Serves /v1/credentials on the node's address, in a thread of its own."""

    def __init__(self, address: str, api: Api, eks_auth: EksAuth | None) -> None:
        self.url = f"http://{address}:{PORT}"
        self._address, self._api, self._eks_auth = address, api, eks_auth

    def start(self) -> None:
        """Listen. Raises OSError."""

        class Handler(_Handler):
            agent = self

        server = ThreadingHTTPServer((self._address, PORT), Handler)
        threading.Thread(target=server.serve_forever, name="pod identity", daemon=True).start()

    def routed(self, value: str) -> str:
        """A variable's value, with the agent's address where the link-local one is named."""
        return value.replace(LINK_LOCAL, self.url)

    def credentials(self, token: str) -> dict[str, str]:
        """For the Pod with this token. Raises Denied."""
        namespace, account = self._reviewed(token)
        if self._eks_auth is None:
            raise Denied(404, "ResourceNotFoundException", "this cluster is none of EKS's")
        return self._eks_auth.credentials(namespace, account)

    def _reviewed(self, token: str) -> tuple[str, str]:
        """Whose token it is, by the API server's word."""
        body: Object = {"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1"}
        body["spec"] = {"token": token, "audiences": [AUDIENCE]}
        try:
            status = self._api.create("/apis/authentication.k8s.io/v1/tokenreviews", body)["status"]
        except ApiError as error:
            raise Denied(503, "ServiceUnavailableException", str(error)) from None
        user = _ACCOUNT.fullmatch(status.get("user", {}).get("username", ""))
        if not status.get("authenticated") or user is None:
            raise Denied(400, "InvalidTokenException", status.get("error", "not a service account's token for EKS"))
        return user["namespace"], user["account"]


class _Handler(BaseHTTPRequestHandler):
    agent: ClassVar[PodIdentityAgent]

    def do_GET(self) -> None:
        """The one path there is."""
        if self.path != "/v1/credentials":
            return self._answer(404, "404 page not found", "text/plain")
        try:
            found = self.agent.credentials(self.headers.get("Authorization", ""))
        except Denied as denied:
            return self._answer(denied.status, str(denied), "text/plain")
        return self._answer(200, json.dumps(found), "application/json")

    def _answer(self, status: int, text: str, kind: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: a request carries a token."""

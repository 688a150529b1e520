"""Credentials by EKS Pod Identity, asked for with each request that needs them and has none.

botocore's own provider asks once, when a client is made, and gives up; a guard that started before its association
existed would then never work. Here a client is made without asking, so it works as soon as the association is there.
https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html
"""

import base64
import binascii
import http.client
import ipaddress
import json
import logging
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.credentials import CredentialProvider, DeferredRefreshableCredentials
from botocore.session import Session

from recovery.errors import DrError, Refused, Unreachable

ENDPOINT, TOKEN_FILE = "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
# One attempt with a short end: a guard's renewal waits for it, also while the old credentials still serve.
_SECONDS = 2.0
_LONGEST_ANSWER = 200
# The agent's addresses, as all SDKs know them. The token must not be sent anywhere else.
_AGENTS = ("169.254.170.23", "fd00:ec2::23")


def prefer(session: Session) -> None:
    """Let `session` take a Pod's credentials from here. What comes earlier in the SDK's order, such as an access key in
    the environment, still comes first."""
    # It logs a traceback whenever a refresh fails; whoever made the request says what is wrong in one sentence.
    logging.getLogger("botocore.credentials").setLevel(logging.CRITICAL)
    session.get_component("credential_provider").insert_before("container-role", _Provider())


class _Provider(CredentialProvider):
    METHOD = "pod-identity"
    CANONICAL_NAME = "PodIdentity"

    def load(self) -> DeferredRefreshableCredentials | None:
        """None outside a Pod that declares the agent's endpoint and a token."""
        if ENDPOINT not in os.environ or TOKEN_FILE not in os.environ:
            return None
        return DeferredRefreshableCredentials(refresh_using=_fetch, method=self.METHOD)


def _fetch() -> dict[str, Any]:
    """New credentials. Raises Refused when the Pod is declared wrongly; Unreachable when the agent gives none."""
    endpoint, token = os.environ[ENDPOINT], _token()
    status, body = _ask(endpoint, token)
    if status != http.client.OK:
        raise _refused(status, body, token)
    try:
        found = json.loads(body)
        # AccountId is left out: with it DynamoDB would be asked under a name of the account's own.
        return {
            "access_key": found["AccessKeyId"],
            "secret_key": found["SecretAccessKey"],
            "token": found["Token"],
            "expiry_time": found["Expiration"],
        }
    except (ValueError, KeyError, TypeError):
        raise Unreachable(
            f"no AWS credentials: the Pod Identity agent at {endpoint} answered with something else",
            next_step="see what listens there; it should be the add-on eks-pod-identity-agent",
        ) from None


def _token() -> str:
    path = os.environ[TOKEN_FILE]
    try:
        return Path(path).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no token"
        raise Refused(
            f"no AWS credentials: the Pod's token {path} cannot be read: {reason}",
            next_step="see that the Pod mounts the projected token (volume eks-pod-identity-token)",
        ) from None


def _ask(endpoint: str, token: str) -> tuple[int, str]:
    url = urlsplit(endpoint)
    host = url.hostname or ""
    if url.scheme != "http" or not (host in _AGENTS or _is_loopback(host)):
        raise Refused(
            f"no AWS credentials: {ENDPOINT} is {endpoint}, which is not the Pod Identity agent's address",
            next_step=f"set it to http://{_AGENTS[0]}/v1/credentials",
        )
    connection = http.client.HTTPConnection(host, url.port or 80, timeout=_SECONDS)
    try:
        connection.request("GET", url.path, headers={"Authorization": token, "Accept": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(
            f"no AWS credentials: the Pod Identity agent at {endpoint} does not answer: {error}",
            next_step="see that the add-on eks-pod-identity-agent runs on this Pod's node "
            "(`kubectl --namespace kube-system get pods`), and that a NetworkPolicy lets the Pod reach it",
        ) from None
    finally:
        connection.close()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _refused(status: int, body: str, token: str) -> DrError:
    """404 is what EKS says while there is no association; it may be seconds old and not known everywhere yet."""
    said = " ".join(body.split())[:_LONGEST_ANSWER]
    account, arguments = _who(token)
    if status == http.client.NOT_FOUND:
        return Unreachable(
            f"no AWS credentials: there is no pod identity association for {account} ({status}: {said})",
            next_step="a new association takes some seconds; if it stays so: `aws eks list-pod-identity-associations "
            f"--cluster-name CLUSTER{arguments}`, and `pulumi up` on the stack that declares it",
        )
    return Unreachable(
        f"no AWS credentials: the pod identity association of {account} gave none ({status}: {said})",
        next_step="see that the role trusts pods.eks.amazonaws.com for this cluster, namespace and service account "
        "(foundation stack), and that the nodes' role may call eks-auth:AssumeRoleForPodIdentity",
    )


def _who(token: str) -> tuple[str, str]:
    """Whose token it is, in words and as arguments of the AWS CLI; read from the token, and not verified."""
    try:
        payload = token.split(".")[1]
        subject = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["sub"]
        _, _, namespace, account = subject.split(":")
    except (IndexError, KeyError, ValueError, TypeError, AttributeError, binascii.Error):
        return "this Pod's service account", ""
    return (
        f"service account {account} of namespace {namespace}",
        f" --namespace {namespace} --service-account {account}",
    )

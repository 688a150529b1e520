"""EKS's agent at a loopback address, whose association comes when a test says so."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SUBJECT = "system:serviceaccount:ultramarket-dr:dr-guard"
CREDENTIALS = {
    "AccessKeyId": "ASIA1",
    "SecretAccessKey": "s",
    "Token": "t",
    "AccountId": "123456789012",
    "Expiration": "2099-01-01T00:00:00Z",
}


class Place:
    """One loopback address that is EKS's agent and DynamoDB."""

    def __init__(self) -> None:
        place = self
        self.association: dict[str, str] | None = None
        self.status, self.said = 404, "[id]: (ResourceNotFoundException): No association found, fault: client"
        self.tokens: list[str] = []
        self.signed: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                place.tokens.append(self.headers["Authorization"])
                if place.association is None:
                    self.answer(place.status, place.said)
                else:
                    self.answer(200, json.dumps(place.association))

            def do_POST(self) -> None:
                place.signed.append(self.headers["Authorization"])
                self.rfile.read(int(self.headers["Content-Length"]))
                self.answer(200, "{}")

            def answer(self, status: int, text: str) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, format: str, *arguments: object) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def variables(self, folder: Path) -> dict[str, str]:
        """What a Pod declares, with its token in `folder`."""
        payload = base64.urlsafe_b64encode(json.dumps({"sub": SUBJECT}).encode()).decode().rstrip("=")
        (folder / "token").write_text(f"head.{payload}.signature")
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{self.url}/v1/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(folder / "token"),
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def stop(self) -> None:
        """End it."""
        self.server.shutdown()
        self.server.server_close()

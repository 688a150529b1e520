"""A web server with a certificate, and the authority that signed it."""

import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from threading import Thread

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


def certificate(folder: Path, names: Sequence[str], ends: datetime | None = None) -> tuple[Path, Path]:
    """(the authority's certificate, the server's with its key), both in new files of `folder`."""
    folder.mkdir()
    key, authority_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    last = ends or datetime.now(UTC) + timedelta(days=90)

    def signed(name: str, of: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType) -> x509.Certificate:
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")]))
            .public_key(of.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(last - timedelta(days=198))
            .not_valid_after(last)
            .add_extension(extension, critical=False)
            .sign(authority_key, hashes.SHA256())
        )

    authority, chain = folder / "authority.pem", folder / "server.pem"
    root = signed("test authority", authority_key, x509.BasicConstraints(ca=True, path_length=0))
    leaf = signed("edge", key, x509.SubjectAlternativeName([_name(each) for each in names]))
    authority.write_bytes(root.public_bytes(Encoding.PEM))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    chain.write_bytes(private + leaf.public_bytes(Encoding.PEM))
    return authority, chain


def _name(text: str) -> x509.GeneralName:
    """An IP address or a host name."""
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        return x509.DNSName(text)


@contextmanager
def serving(address: str, port: int, chain: Path, status: int) -> Iterator[int]:
    """Answers every GET with `status`, as a load balancer whose services are closed does; its port (0: any)."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """A client that does not like the certificate hangs up."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    server = Server((address, port), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()

"""Keys of a lab control plane: one serving certificate that is its own authority, and the service accounts' key."""

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALID = timedelta(days=30)


def write_private_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """A new P-256 key in `path`, readable by its owner only."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    path.touch(mode=0o600)
    path.write_bytes(pem)
    return key


def write_serving_certificate(certificate: Path, key: Path, addresses: Sequence[str]) -> None:
    """A certificate for `addresses`, signed by an authority whose key is thrown away; both are in `certificate`.

    Making it here with elliptic keys takes milliseconds; the API server would make two RSA keys while we wait.
    """
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority_name = _name("ultramarket-lab-ca")
    authority = _sign(
        authority_name, authority_name, authority_key.public_key(), authority_key, x509.BasicConstraints(True, 0), []
    )
    names: list[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
    names += [x509.DNSName("kubernetes.default.svc"), x509.DNSName("kubernetes.default"), x509.DNSName("localhost")]
    leaf = _sign(
        _name("kube-apiserver"),
        authority_name,
        write_private_key(key).public_key(),
        authority_key,
        x509.BasicConstraints(False, None),
        [x509.SubjectAlternativeName(names), x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])],
    )
    pem = serialization.Encoding.PEM
    certificate.write_bytes(leaf.public_bytes(pem) + authority.public_bytes(pem))


def _sign(
    subject: x509.Name,
    issuer: x509.Name,
    public: ec.EllipticCurvePublicKey,
    signer: ec.EllipticCurvePrivateKey,
    constraints: x509.BasicConstraints,
    extensions: Sequence[x509.ExtensionType],
) -> x509.Certificate:
    today = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder(issuer, subject, public, x509.random_serial_number())
        .not_valid_before(today - timedelta(hours=1))
        .not_valid_after(today + VALID)
        .add_extension(constraints, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .add_extension(_usage(signs=constraints.ca), critical=True)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(signer, hashes.SHA256())


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

"""A certificate is stored with its key, or reported: pitfall 7."""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from engines.configuration.certificates import Certificates


def pair(*, authority: bool = False, password: bytes = b"") -> tuple[bytes, bytes]:
    """Certificate and key, both PEM."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    locked = BestAvailableEncryption(password) if password else NoEncryption()
    return made.public_bytes(Encoding.PEM), key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked)


def test_one_whose_key_is_anywhere_in_the_copy_is_fine() -> None:
    seen, (certificate, key) = Certificates(), pair()
    seen.see("ConfigMap edge, tls.crt", certificate)
    seen.see("Secret edge, tls.key", key)
    assert seen.alone == []


def test_one_without_its_key_is_named_and_another_s_key_does_not_help() -> None:
    seen, (certificate, _), (_, other) = Certificates(), pair(), pair()
    seen.see("ConfigMap edge, tls.crt", b"# the edge\n" + certificate + pair(authority=True)[0])
    seen.see("Secret edge, tls.key", other)
    assert seen.alone == ["ConfigMap edge, tls.crt"]


def test_an_authority_needs_none() -> None:
    seen = Certificates()
    seen.see("ConfigMap trust, ca.crt", pair(authority=True)[0])
    assert seen.alone == []


def test_a_key_with_a_password_counts_for_its_own_place() -> None:
    seen, (certificate, key) = Certificates(), pair(password=b"sesame")
    seen.see("Secret edge, tls.crt", certificate)
    seen.see("Secret edge, tls.key", key)
    assert seen.alone == [] and seen.unread == []


def test_what_only_calls_itself_a_certificate_is_told() -> None:
    seen = Certificates()
    seen.see("ConfigMap x, y", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    assert seen.unread == ["ConfigMap x, y (ValueError)"]

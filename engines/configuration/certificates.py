"""Certificates without their keys: what was copied of them brings no server up again."""

import re
from collections.abc import Iterator
from typing import Any

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_KEY = re.compile(rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----.+?-----END (?:[A-Z]+ )*PRIVATE KEY-----", re.DOTALL)


class Certificates:
    """Looks at everything that passes. It keeps public keys and names alone."""

    def __init__(self) -> None:
        self._leaves: dict[bytes, list[str]] = {}
        self._keys: set[bytes] = set()
        self._locked: set[str] = set()
        self.unread: list[str] = []
        """Where something that calls itself a certificate cannot be read."""

    def see(self, where: str, content: bytes) -> None:
        """`where` is for people."""
        if b"-----BEGIN " not in content:
            return
        for found in _KEY.findall(content):
            public = _public(found)
            if public:
                self._keys.add(public)
            else:  # it has a password, or is of a kind that we do not know: it counts for its own place
                self._locked.add(where.partition(",")[0])
        first = True  # the others of a chain are authorities', or say so
        for found in _CERTIFICATE.findall(content):
            for leaf in self._leaf(where, found, first):
                self._leaves.setdefault(leaf, []).append(where)
            first = False

    @property
    def alone(self) -> list[str]:
        """Where a certificate is that no key belongs to, by name."""
        found = {
            where
            for public, places in self._leaves.items()
            if public not in self._keys and not self._locked.intersection(each.partition(",")[0] for each in places)
            for where in places
        }
        return sorted(found)

    def _leaf(self, where: str, pem: bytes, first: bool) -> Iterator[bytes]:
        """Its public key, unless it is an authority's."""
        from cryptography import x509

        try:
            certificate = x509.load_pem_x509_certificate(pem)
            public = _spki(certificate.public_key())
        except Exception as error:  # noqa: BLE001  (cryptography's own errors have no common base)
            self.unread.append(f"{where} ({type(error).__name__})")
            return
        try:
            authority = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        except Exception:  # noqa: BLE001  (none, or none that can be read: the first of a file is a server's)
            authority = not first or certificate.issuer == certificate.subject
        if not authority:
            yield public


def _public(pem: bytes) -> bytes | None:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return _spki(load_pem_private_key(pem, password=None).public_key())
    except Exception:  # noqa: BLE001  (never in words: it may quote the key)
        return None


def _spki(key: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

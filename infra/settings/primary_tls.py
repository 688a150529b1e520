"""How connections over a network to production's primary are encrypted, and whom its certificate is believed from."""

import re
import ssl
from dataclasses import dataclass

from infra.settings.config import Config
from recovery.names import SSL_MODES

_PEM = re.compile(r"(-----BEGIN CERTIFICATE-----\s[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*)+", re.ASCII)
_VERIFYING = ("verify-ca", "verify-full")


@dataclass(frozen=True, kw_only=True)
class TlsSettings:
    """`ssl_mode` is libpq's `sslmode`. `primary_ca` is PEM text, there exactly when the mode verifies."""

    ssl_mode: str
    primary_ca: str


def primary_tls(config: Config) -> TlsSettings:
    """`sslMode` and `primaryCa`. No encryption has to be said; libpq's own `prefer`, which leaves it to whoever
    answers, is no choice."""
    authority = config.text("primaryCa", r"[\s\S]*", "a CA certificate as PEM", default="")
    if authority and not certificates(authority):
        config.wrong("primaryCa", "CA certificates as PEM, from -----BEGIN CERTIFICATE----- on and no key", authority)
    default = "verify-full" if authority else "require"
    mode = config.text("sslMode", "|".join(SSL_MODES), f"one of {', '.join(SSL_MODES)}", default=default)
    if mode in _VERIFYING and not authority:
        config.wrong("primaryCa", f"a CA certificate as PEM, since sslMode {mode} verifies the primary's", authority)
    if mode not in _VERIFYING and mode in SSL_MODES and authority:
        config.wrong("sslMode", "verify-full or verify-ca, since primaryCa is given and nothing else looks at it", mode)
    return TlsSettings(ssl_mode=mode, primary_ca=authority)


def certificates(text: str) -> bool:
    """Whether these are X.509 certificates and nothing else."""
    if not _PEM.fullmatch(text):
        return False
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError):
        return False
    return True

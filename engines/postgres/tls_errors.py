"""Client and server that do not agree on TLS, told by what libpq says: there is no other sign of it.

https://www.postgresql.org/docs/18/libpq-ssl.html
"""

import re

SIGNS = ("SSL error", "does not support SSL", "SSL support is not compiled in", "certificate", "sslmode")
WHAT = "does not agree on TLS"
NEXT_STEP = (
    "compare PGSSLMODE and PGSSLROOTCERT (in a cluster: sslMode and primaryCa of the prod stack) with what the server "
    "offers, ssl = on and its certificate; the database itself answers"
)


def disagrees(said: str) -> bool:
    """Whether these words of libpq are about TLS and not about the login."""
    return any(re.search(sign, said) for sign in SIGNS)

"""Which names call their value a secret: of variables, keys, properties and options of commands."""

import re
from functools import cache

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
# Found anywhere in a name: PGPASSWORD, dbPassword and db.password alike.
_PARTS = (
    "password", "passwd", "passphrase", "passcode", "secret", "token", "credential", "authorization", "apikey",
    "accesskey", "privatekey", "signingkey", "sharedkey", "accountkey", "encryptionkey", "masterkey", "keydata",
    "connectionstring", "connstr", "signature", "pgpass", "netrc", "dockercfg", "dockerconfigjson", "userlist",
    "requirepass", "masterauth", "primaryauth",
)  # fmt: skip
# Too short to be looked for inside other words.
_WHOLE = frozenset({"pass", "pwd", "pw", "creds", "dsn", "jwt", "sig", "secure"})
# Of a variable. Elsewhere these words mean other things: the key of a table, the service `auth`.
_VARIABLE = re.compile(r"[A-Z0-9_]+_(KEY|AUTH|PIN|COOKIE|SALT|WEBHOOK)(_URL|_?\d+)?")
# A last word that says the value is something about a secret: where it lies, what it is called, how long it holds.
_ABOUT = frozenset(
    {
        "name", "names", "id", "ids", "arn", "arns", "ref", "refs", "file", "files", "path", "type", "class", "policy",
        "length", "ttl", "seconds", "expiration", "rotation", "enabled", "namespace", "mode",
    }
)  # fmt: skip
_PLAIN = ("automountServiceAccountToken", "httpTokens", "secretsmanager")
# Below these lies where a secret is to be had, not what it is.
REFERENCES = frozenset(
    {"secret", "secrets", "secretKeyRef", "secretRef", "imagePullSecrets", "serviceAccountToken", "tokenRequests"}
)


@cache
def is_secret(name: str) -> bool:
    """Whether the value of what is called `name` must not be shown. Hiding too much is the smaller mistake."""
    words = [word.lower() for word in _WORD.findall(name)]
    if not words or words[-1] in _ABOUT or name in _PLAIN:
        return False
    joined = "".join(words)
    named = any(part in joined for part in _PARTS) or not _WHOLE.isdisjoint(words)
    return named or _VARIABLE.fullmatch(name) is not None

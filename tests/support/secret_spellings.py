"""Two secrets in every spelling that people use, and a review that must tell neither."""

import base64
import json
from collections.abc import Callable
from typing import Any

from policy.review.preview import parse
from policy.review.review import review
from policy.verdict import Finding
from tests.support.review_preview import preview, step

OLD, NEW = "correct-horse", "hunter2-battery"
SECRET_TYPE, CONFIG, ROLE = "kubernetes:core/v1:Secret", "kubernetes:core/v1:ConfigMap", "aws:iam/role:Role"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
MARK = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}
OUTPUT = {"4dabf18193072939515e22adb298388d": "d0e6a833031e9bbcd3f4e8bde6ca49a4"}
KEY = "-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----\n"
TEMPLATES: dict[str, Callable[[Any], Any]] = {
    DEPLOYMENT: lambda pod: {"template": {"spec": pod}},
    "kubernetes:apps/v1:StatefulSet": lambda pod: {"template": {"spec": pod}},
    "kubernetes:batch/v1:CronJob": lambda pod: {"jobTemplate": {"spec": {"template": {"spec": pod}}}},
}
Spelling = Callable[[str], Any]


def coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def says(kind: str, old: Any, new: Any, op: str = "update", **more: Any) -> list[Finding]:
    """All that is said, which must be something, of a change in which both secrets are to be read."""
    found = review([parse(preview(step(op, kind, "it", old, new, **more)), source="preview.json")])
    assert found
    told = json.dumps([each.__dict__ for each in found], default=str)
    for secret in (OLD, NEW, coded(OLD), coded(NEW)):
        assert secret not in told, told
        assert secret[:8] not in told, told
    return found


# Of a Secret.
SECRETS: dict[str, Spelling] = {
    "plain": lambda s: {"stringData": {"password": s}},
    "under any name": lambda s: {"stringData": {"greeting": s}},
    "in base64": lambda s: {"data": {"password": coded(s)}},
    "nested": lambda s: {"stringData": {"a": {"b": [s, {"c": s}]}}},
    "as applied by kubectl": lambda s: {
        "metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(
            {"kind": "Secret", "data": {"a": coded(s)}, "stringData": {"b": s}})}}
    },
    "marked": lambda s: {"stringData": {**MARK, "plaintext": json.dumps({"password": s})}},
    "marked by the output it is of": lambda s: {"stringData": {"a": {**OUTPUT, "secret": True, "value": s}}},
    "under a mark of another version": lambda s: {"data": {"a": {**MARK, next(iter(MARK)): "?", "plaintext": s}}},
    "encrypted": lambda s: {"data": {"a": {**MARK, "ciphertext": s}}},
}  # fmt: skip

# Of a container; the names are those that people use.
NAMES = (
    "PGPASSWORD", "DB_PASSWORD", "dbPassword", "POSTGRES_PASSWORD_OLD", "REDIS_PASS", "MONGO_PWD", "API_TOKEN",
    "githubToken", "API_KEY", "apikey", "AWS_SECRET_ACCESS_KEY", "CLIENT_SECRET", "JWT_SECRET_1", "SECRET_KEY_BASE",
    "SIGNING_KEY", "ACCOUNT_KEY", "CONNECTION_STRING", "SENTRY_DSN", "AUTHORIZATION", "TLS_PRIVATE_KEY", "CREDENTIALS",
    "ENCRYPTION_KEY", "MASTER_KEY", "STRIPE_KEY", "SIGNING_KEY_2", "REDIS_AUTH", "ADMIN_PIN", "SLACK_WEBHOOK_URL",
)  # fmt: skip
CONTAINERS: dict[str, Spelling] = {
    **{f"env {name}": lambda s, name=name: {"env": [{"name": name, "value": s}]} for name in NAMES},
    "an address with a login": lambda s: {"env": [{"name": "DATABASE_URL", "value": f"postgres://app:{s}@db/shop"}]},
    "an address without a user": lambda s: {"env": [{"name": "REDIS", "value": f"redis://:{s}@redis:6379/0"}]},
    "an address with a query": lambda s: {"env": [{"name": "JDBC", "value": f"jdbc:x://h/d?user=a&password={s}"}]},
    "a token before a host": lambda s: {"env": [{"name": "REPOSITORY", "value": f"https://{s}@git.test/a"}]},
    "a list of settings": lambda s: {"env": [{"name": "TARGET", "value": f"host=db user=app password='{s}'"}]},
    "settings in a setting": lambda s: {"env": [{"name": "PGOPTIONS", "value": f"options=password={s}"}]},
    "a header": lambda s: {"env": [{"name": "HEADERS", "value": f"Authorization: Bearer {s}"}]},
    "JSON": lambda s: {"env": [{"name": "SETTINGS", "value": json.dumps({"db": {"password": s}})}]},
    "JSON in JSON": lambda s: {"env": [{"name": "A", "value": json.dumps({"a": json.dumps({"token": s})})}]},
    "JSON in a text": lambda s: {"env": [{"name": "A", "value": f"x={json.dumps(json.dumps({'token': s}))}"}]},
    "an option": lambda s: {"command": ["tool", f"--password={s}"]},
    "an option and its value": lambda s: {"command": ["tool", "--db-password", s, "--verbose"]},
    "a shell's line": lambda s: {"args": ["sh", "-c", f"PGPASSWORD={s} pg_dump -h db --token '{s}'"]},
    "curl's login": lambda s: {"args": ["sh", "-c", f"curl -u admin:{s} https://a.test"]},
    "a statement of SQL": lambda s: {"args": ["psql", "-c", f"ALTER ROLE app WITH PASSWORD '{s}'"]},
    "redis-cli": lambda s: {"command": ["redis-cli", "-a", s, "ping"]},
    "redis-cli in a shell": lambda s: {"args": ["sh", "-c", f"redis-cli -h redis -a {s} ping"]},
    "mongosh": lambda s: {"command": ["mongosh", "-u", "app", "-p", s]},
    "mongodump in a shell": lambda s: {"args": ["sh", "-c", f"mongodump -u app -p {s} --out /copy"]},
    "mysqldump in a shell": lambda s: {"args": ["sh", "-c", f"mysqldump -uroot -p{s} shop"]},
    "curl's login in a list": lambda s: {"command": ["curl", "-u", f"app:{s}", "https://a.test"]},
    "a signed address": lambda s: {"env": [{"name": "URL", "value": f"https://a.test/x?X-Amz-Signature={s}"}]},
    "a web hook": lambda s: {"env": [{"name": "URL", "value": f"https://hooks.slack.com/services/T0/{s}"}]},
    "a variable marked": lambda s: {"env": [{"name": "PLAIN", "value": {**MARK, "plaintext": json.dumps(s)}}]},
    "a probe": lambda s: {"livenessProbe": {"httpGet": {"httpHeaders": [{"name": "X-Auth-Token", "value": s}]}}},
}  # fmt: skip

MAPS: dict[str, Spelling] = {
    "a key": lambda s: {"db.password": s},
    "settings": lambda s: {"app.properties": f"user=app\ndb.password = {s} more\nexport TOKEN={s}\n#password: {s}\n"},
    "YAML": lambda s: {"a.yaml": f"db:\n  user: app\n  credentials:\n    first: {s}\n    all: [{s}]\n"},
    "a block of YAML": lambda s: {"a.yaml": f"user: app\npassword: |\n  {s}\n"},
    "YAML with aliases": lambda s: {"a.yaml": f"a: &a 1\nb: *a\npassword: {s} and more\n"},
    "a manifest": lambda s: {"m.yaml": f"apiVersion: v1\nkind: Secret\nstringData:\n  greeting: {s}\n"},
    "redis.conf": lambda s: {"redis.conf": f"port 6379\nrequirepass {s}\nmasterauth {s}\n"},
    "an ACL of Redis": lambda s: {"users.acl": f"user default off\nuser app on >{s} ~* +@all\n"},
    "haproxy.cfg": lambda s: {"h.cfg": f"userlist a\n  user b insecure-password {s}\nstats auth admin:{s}\n"},
    "pgbouncer's users": lambda s: {"userlist.txt": f'"app" "{s}"\n'},
    "a value on the next line": lambda s: {"a.ini": f"[db]\npassword: \n  {s}\n"},
    "three quotes": lambda s: {"a.toml": f"[db]\npassword = \'\'\'\n{s}\'\'\'\n"},
    "settings in base64": lambda s: {"binary": coded(f"a: 1\npassword: {s}\n")},
    "a client's key": lambda s: {"a.yaml": f"a: 1\nclient-key-data: {s}\n"},
    "XML": lambda s: {"a.xml": f"<db><password>{s}</password></db>"},
    "a private key": lambda s: {"tls.pem": KEY.format(s)},
    "netrc": lambda s: {".netrc": f"machine a login b password {s}"},
    "a login under another name": lambda s: {"logins": f"machine a login b password {s}"},
    "docker": lambda s: {".dockerconfigjson": json.dumps({"auths": {"a": {"auth": s}}})},
}  # fmt: skip

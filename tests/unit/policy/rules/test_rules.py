"""Each rule of `dr review`, by itself: what it says to the change it is there for."""

import pytest
import yaml

from policy.differences import NO_RULE, judge, walk
from policy.rule import Change, Rule, Subject, pattern
from policy.rules.by_type import all_rules, known_types, rules_of
from policy.rules.plan import PLAN_RULES
from policy.values import MISSING, Value
from policy.verdict import Verdict
from recovery.names import RESTORE_TEMPLATE
from recovery.site.edge import NODE_PORTS
from tests.support.plans import ROOT
from tests.support.review_cases import GUARD, PLAN, C, Case, D, N, S, W, cases

GATE_INPUTS = {"metadata": {"name": "postgres-gate"}}
GUARD_INPUTS = {"spec": {"template": {"spec": {"containers": [{"name": "guard", "command": GUARD}]}}}}
SECONDARY = {"failoverRoutingPolicies": [{"type": "SECONDARY"}]}
PRIMARY = {"failoverRoutingPolicies": [{"type": "PRIMARY"}]}
ARMED = {**PRIMARY, "healthCheckId": "one"}
DR_CONFIG = Subject(inputs={"metadata": {"name": "dr-config"}})
BUNDLE = '{"plan": %s, "digest": "a"}'


def verdicts(kind: str, path: str, old: Value, new: Value, subject: Subject | None = None) -> set[Verdict]:
    """What the review says; no rule and `look deeper` are what the walk makes of them."""
    rules = rules_of(kind)
    assert rules is not None
    return {found.verdict for found in walk(old, new, rules, subject or Subject(), pattern(path))}


@pytest.mark.parametrize("case", cases(), ids=lambda case: f"{case[0].rpartition(':')[2]}-{case[1]}-{case[4]}")
def test_a_change_is_sorted_as_a_person_would(case: Case) -> None:
    kind, path, old, new, expected = case
    assert verdicts(kind, path, old, new) == {expected}


CONDITIONAL = [
    (
        "aws:eks/cluster:Cluster",
        "vpcConfig.publicAccessCidrs",
        ["203.0.113.0/24"],
        ["203.0.0.0/16"],
        Subject(inputs={"vpcConfig": {"endpointPublicAccess": False}}),
        W,
    ),
    ("aws:route53/record:Record", "healthCheckId", MISSING, "one", Subject(inputs=SECONDARY), W),
    ("aws:route53/record:Record", "healthCheckId", MISSING, "one", Subject(inputs=PRIMARY, old_inputs=PRIMARY), S),
    ("aws:route53/record:Record", "healthCheckId", "one", MISSING, Subject(inputs=PRIMARY, old_inputs=ARMED), W),
    ("aws:route53/record:Record", "healthCheckId", "one", "two", Subject(inputs=ARMED, old_inputs=ARMED), W),
    ("kubernetes:core/v1:Service", "spec.selector", {"a": "1"}, {"a": "2"}, Subject(old_inputs=GATE_INPUTS), W),
    ("kubernetes:core/v1:Service", "spec.publishNotReadyAddresses", MISSING, True, Subject(inputs=GATE_INPUTS), W),
    ("kubernetes:apps/v1:Deployment", "spec.replicas", 1, 2, Subject(inputs=GUARD_INPUTS), W),
    ("kubernetes:apps/v1:StatefulSet", "spec.replicas", 1, 2, Subject(inputs=GUARD_INPUTS), W),
    ("kubernetes:apps/v1:Deployment", "spec.strategy", "a", "b", Subject(inputs=GUARD_INPUTS), W),
    *(
        (kind, f"{at}.spec.containers[guard].command", GUARD, new, Subject(old_inputs=GUARD_INPUTS), expected)
        for kind, at in (
            ("kubernetes:apps/v1:Deployment", "spec.template"),
            ("kubernetes:apps/v1:StatefulSet", "spec.template"),
            ("kubernetes:batch/v1:CronJob", "spec.jobTemplate.spec.template"),
        )
        for new, expected in (
            ([*GUARD[:-1], "observe"], W),
            (["sleep", "infinity"], W),
            ([*GUARD[:3], "0.0.0.0:1", *GUARD[4:]], C),
        )
    ),
    (
        "aws:s3/bucketObjectv2:BucketObjectv2",
        "content",
        BUNDLE % '{"lease": {"duration": "30s"}}',
        BUNDLE % '{"lease": {"duration": "60s"}}',
        Subject(inputs={"key": "bundle/bundle.json"}),
        W,
    ),
    *(
        (
            "kubernetes:core/v1:ConfigMap",
            f"data{key}",
            old,
            new,
            Subject(inputs={"metadata": {"name": "dr-config"}}),
            expected,
        )
        for key, old, new, expected in (
            (".strategy", "warm", "cold", W),
            ('["recovery-time"]', "30m", "4h", W),
            (".rto", "4h", "5h", W),
            (".rpo", "15m", "5m", S),
            (".strategies", "{}", "{ }", C),
            (".standbys", "postgres,redis", "postgres", W),
            ('["laid-out"]', "files", "", W),
            (".promoted", "postgres,redis", "redis,postgres", N),
            ('["restored-first"]', "", "files", W),
            (".services", '{"auth": {"warm": 1}}', '{"auth": {"warm": 2}}', N),
            (".services", '{"auth": {"warm": 1}}', "{}", W),
        )
    ),
    (
        "kubernetes:core/v1:Service",
        "spec.type",
        "ClusterIP",
        "NodePort",
        Subject(inputs={"spec": {"type": "NodePort", "ports": [{"nodePort": NODE_PORTS["order"]}]}}),
        C,
    ),
    (
        "kubernetes:core/v1:Service",
        "spec.type",
        "ClusterIP",
        "NodePort",
        Subject(inputs={"spec": {"type": "NodePort", "ports": [{"nodePort": 31999}]}}),
        W,
    ),
    *(
        (
            "kubernetes:batch/v1:CronJob",
            "spec.suspend",
            old,
            new,
            Subject(inputs={"metadata": {"name": name}}),
            said,
        )
        for name, old, new, said in (
            (RESTORE_TEMPLATE, True, False, W),
            (RESTORE_TEMPLATE, MISSING, True, S),
            ("backup-postgres-full", MISSING, True, W),
        )
    ),
    (
        "kubernetes:batch/v1:CronJob",
        "spec.jobTemplate.spec.template.spec.volumes[plan].configMap.name",
        "plan-a",
        "plan-b",
        Subject(written=frozenset({("kubernetes:core/v1:ConfigMap", "plan-a", "plan-b")})),
        N,
    ),
]


@pytest.mark.parametrize(("kind", "path", "old", "new", "subject", "expected"), CONDITIONAL)
def test_a_change_is_sorted_by_what_the_resource_is(
    kind: str, path: str, old: Value, new: Value, subject: Subject, expected: Verdict
) -> None:
    assert verdicts(kind, path, old, new, subject) == {expected}


def test_every_rule_has_a_case() -> None:
    asked = [(kind, path, Subject()) for kind, path, *_ in cases()]
    asked += [(kind, path, subject) for kind, path, _, _, subject, _ in CONDITIONAL]
    used: set[int] = set()
    for kind, path, subject in asked:
        rule = _first(kind, path, subject)
        used |= {id(rule)} if rule else set()
    assert [f"{kind} {rule.path}" for kind, rule in all_rules() if id(rule) not in used] == []


def test_no_rule_hides_another_that_looks_deeper() -> None:
    """The walk asks the shallow rule first: unless it only looks at presence, the deeper one is never asked."""
    hidden = [
        f"{kind} {rule.path} behind {found.path}"
        for kind, rule in all_rules()
        for length in range(len(pattern(rule.path)))
        for found in _with_an_answer(kind, pattern(rule.path)[:length])
        if found.kind.name != rule.kind.name
    ]
    assert hidden == []


def _with_an_answer(kind: str, path: tuple[str, ...]) -> list[Rule]:
    fitting = (rule for rule in rules_of(kind) or () if rule.when is None and rule.fits(path, Subject()))
    change = Change(path=path, old={"a": 1}, new={"a": 2})
    return [rule for rule in fitting if "**" not in path and rule.kind.compare(change, "") is not None][:1]


def _first(kind: str, path: str, subject: Subject) -> Rule | None:
    return next((rule for rule in rules_of(kind) or () if rule.fits(pattern(path), subject)), None)


@pytest.mark.parametrize("kind", sorted(known_types()))
def test_an_unknown_property_of_a_guarded_type_cannot_be_judged(kind: str) -> None:
    assert verdicts(kind, "somethingNew", MISSING, True) == {C}
    assert verdicts(kind, "spec.somethingNew", MISSING, "x") <= {C}


def test_an_unknown_property_deep_in_a_known_one_cannot_be_judged() -> None:
    old = {"spec": {"jobTemplate": {"spec": {"template": {"spec": {"containers": [{"name": "a"}]}}}}}}
    new = {"spec": {"jobTemplate": {"spec": {"template": {"spec": {"containers": [{"name": "a", "tty": True}]}}}}}}
    assert verdicts("kubernetes:batch/v1:CronJob", "", old, new) == {C}


def test_a_rule_that_only_looks_at_presence_leaves_the_rest_to_others() -> None:
    change = Change(path=("replicas", "[us-east-1]"), old={"a": 1}, new={"a": 2})
    assert judge(change, rules_of("aws:dynamodb/table:Table") or ()) is None


@pytest.mark.parametrize(
    ("before", "after", "where", "expected"),
    [
        ("rto: 4h", "rto: 5h", "objectives.rto", W),
        ("rpo: 15m", "rpo: 5m", "objectives.rpo", S),
        ("duration: 30s", "duration: 60s", "lease.duration", W),
        ("cloud: 30d", "cloud: 4w", "datasets.postgres.full.keep.cloud", W),
        ("cloud: 30d", "cloud: permanent", "datasets.postgres.full.keep.cloud", S),
        ("local: 7d", "local: 1w", "datasets.postgres.full.keep.local", N),
        ("0 2 * * *", "0 2 * * 1-5", "datasets.postgres.full.schedule", W),
        ("warm: 1", "warm: 2", "services.auth.warm", N),
        ("full: 3", "full: 2", "services.auth.full", W),
        ("warm: 1", "hot: 1, warm: 1", "services.auth.hot", C),
        ("services:", "sites: {prod: {region: eu-west-1}}\nservices:", "sites", C),
        ("services:", "time_zone: UTC\nservices:", "time_zone", N),
        ("  auth: {warm: 1, least: 2, full: 3}", "  {}", "services.auth", W),
    ],
)
def test_a_plan_is_compared_in_its_own_words(before: str, after: str, where: str, expected: Verdict) -> None:
    assert before in PLAN
    path = pattern('data["recovery.yaml"]')
    new = PLAN.replace(before, after)
    found = list(walk(PLAN, new, rules_of("kubernetes:core/v1:ConfigMap") or (), Subject(), path))
    assert [(".".join(each.path[2:]), each.verdict) for each in found] == [(where, expected)]


PLAN_CASES: list[tuple[str, Value, Value, Verdict]] = [
    ("objectives.rto", "4h", "5h", W),
    ("objectives.rpo", "15m", "5m", S),
    ("objectives.uptime", 0.999, 0.99, W),
    ("strategy", "warm", "cold", W),
    ("strategies.warm", "30m", "1h", C),
    ("sites.prod.region", "us-east-1", "us-east-2", C),
    ("backup_account", MISSING, "210987654321", S),
    ("backup_account", "210987654321", MISSING, W),
    ("backup_account", "210987654321", "310987654321", C),
    ("time_zone", "UTC", "Asia/Tashkent", N),
    ("dns.name", "a.test", "b.test", C),
    ("dns.zone", "a.test", "b.test", C),
    ("dns.ttl", "10s", "60s", W),
    ("dns.health_check.interval", "10s", "30s", W),
    ("dns.health_check.failures", 1, 3, W),
    ("lease.duration", "30s", "60s", W),
    ("lease.renewal", "5s", "10s", W),
    ("lease.margin", "2s", "1s", W),
    ("datasets.redis", {"full": {}}, MISSING, W),
    ("datasets.redis.snapshot", {"schedule": "* * * * *"}, MISSING, W),
    ("datasets.redis.snapshot.schedule", "*/5 * * * *", "*/15 * * * *", W),
    ("datasets.redis.snapshot.keep", {"local": "1d"}, MISSING, W),
    ("datasets.redis.snapshot.keep.archive", "permanent", "7y", W),
    ("datasets.redis.snapshot.start_deadline", "30m", "1m", W),
    ("datasets.redis.snapshot.time_limit", "1h", "2h", N),
    ("datasets.postgres.log.every", "1s", "5m", W),
    ("datasets.postgres.log.to", "cloud", "local", W),
    ("datasets.files.root", "/opt/ultramarket", "/opt/other", C),
    ("datasets.files.exclude", ["tmp"], ["tmp", "conf"], W),
    ("datasets.files.exclude", ["tmp", "conf"], ["tmp"], S),
    ("datasets.files.exclude", MISSING, ["conf"], W),
    ("datasets.files.exclude", ["conf"], MISSING, S),
    ("datasets.files.exception", MISSING, {"rpo": "27h"}, W),
    ("datasets.files.exception", {"rpo": "27h"}, MISSING, S),
    ("datasets.files.exception.rpo", "27h", "50h", W),
    ("datasets.files.exception.reason", "a", "b", N),
    ("services.auth", {"warm": 1}, MISSING, W),
    ("datasets.configuration.kinds", ["a.b"], [], W),
    ("datasets.configuration.cluster_objects", ["a.b/c"], [], W),
    ("datasets.configuration.paths", ["/etc/nginx"], [], W),
    ("services.auth.warm", 1, 2, N),
    ("services.auth.least", 2, 1, W),
    ("services.auth.full", 3, 2, W),
    ("notify.alerts", ["a@b.c", "d@e.f"], ["a@b.c"], W),
    ("assumptions", {"notice": "5m"}, MISSING, C),
    ("assumptions.size.postgres", "200GB", "100GB", C),
]


@pytest.mark.parametrize(("path", "old", "new", "expected"), PLAN_CASES)
def test_a_line_of_the_plan_is_sorted_as_a_person_would(path: str, old: Value, new: Value, expected: Verdict) -> None:
    assert {found.verdict for found in walk(old, new, PLAN_RULES, Subject(), pattern(path))} == {expected}


def test_every_rule_of_the_plan_has_a_case() -> None:
    asked = [next(rule for rule in PLAN_RULES if rule.fits(pattern(path), Subject())) for path, *_ in PLAN_CASES]
    assert [rule.path for rule in PLAN_RULES if rule not in asked] == []


def test_every_line_of_the_committed_plan_has_a_rule() -> None:
    plan = yaml.safe_load((ROOT / "recovery.yaml").read_text())
    found = [".".join(each.path) for each in walk(plan, _altered(plan), PLAN_RULES) if each.reason == NO_RULE]
    identities = ("database", "application_role", "application_user", "bucket")
    assert [path for path in found if not path.endswith(identities)] == []


def _altered(value: Value) -> Value:
    """Every leaf another."""
    if isinstance(value, dict):
        return {key: _altered(each) for key, each in value.items()}
    return [*value, "more"] if isinstance(value, list) else f"{value} "


def test_a_dropped_dataset_is_one_line() -> None:
    new = PLAN.replace("  postgres:", "  other:")
    found = list(
        walk(PLAN, new, rules_of("kubernetes:core/v1:ConfigMap") or (), Subject(), pattern('data["recovery.yaml"]'))
    )
    assert [each.verdict for each in found] == [W, S]


@pytest.mark.parametrize(
    "text", ["{", "- a", PLAN + "# a\u2028backup_account: 1\n", "a: &x [1]\nobjectives: *x", "x" * 2_000_000]
)
def test_what_is_no_plan_cannot_be_judged(text: str) -> None:
    assert verdicts("kubernetes:core/v1:ConfigMap", 'data["recovery.yaml"]', PLAN, text) == {C}


def test_the_verdicts_are_those_of_the_issue() -> None:
    assert [each.value for each in (D, W, C, S, N)] == ["destructive", "weaker", "cannot judge", "stronger", "neutral"]

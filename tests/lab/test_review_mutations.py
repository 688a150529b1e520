"""Weakenings and harmless changes, previewed by the real engine: each is sorted as a person would sort it.

Engine runs are dear, so all mutations of a stack are one preview: three to bring the stacks up, three with mutations,
one with what is added, two for the one number.
"""

import json
from collections.abc import Iterator

import pytest

from lab.project import STACKS
from policy.review.preview import UNCHANGED, Preview
from policy.review.review import review
from policy.verdict import Finding, Verdict
from recovery.names import MARKER_KEY, MARKER_TEXT
from tests.support.lab_stacks import Base, configure
from tests.support.review_cases import DATA
from tests.support.review_edits import CONFIG, PLAN, Edit
from tests.support.review_mutations import COMPONENTS, Mutation

DEPLOYMENT = "kubernetes:apps/v1:Deployment"
PROGRAM = """import pulumi
from tests.support.review_mutations import weaken
weaken(pulumi.get_stack())
from infra.program import run
run()
"""

ADDING = """import json, pulumi, pulumi_aws as aws
from infra.program import run
run()
names = json.loads(NAMES)
provider = aws.Provider("adding", region=names["region"], allowed_account_ids=[names["account"]])
opts = pulumi.ResourceOptions(provider=provider, protect=True)
suspended = {"status": "Suspended"}
aws.s3.BucketVersioning("versions", bucket=names["copies"], versioning_configuration=suspended, opts=opts)
aws.s3.BucketLogging("logs", bucket=names["copies"], target_bucket="elsewhere", target_prefix="x", opts=opts)
aws.s3.BucketObjectv2("marker", bucket=names["marker"], key=names["key"], content="x", opts=opts)
aws.kms.Key("short", deletion_window_in_days=7, enable_key_rotation=True, opts=opts)
key = aws.kms.Key("good", deletion_window_in_days=30, enable_key_rotation=True, opts=opts)
aws.kms.Alias("name-of-good", name="alias/good", target_key_id=key.key_id, opts=opts)
aws.sns.Topic("more", name="more", opts=opts)
"""
ADDED = {
    "versions": Verdict.WEAKER,
    "logs": Verdict.UNJUDGED,
    "marker": Verdict.DESTRUCTIVE,
    "short": Verdict.WEAKER,
    "good": Verdict.NEUTRAL,
    "name-of-good": Verdict.NEUTRAL,
    "more": Verdict.NEUTRAL,
}


@pytest.fixture(scope="module")
def mutated(base: Base) -> Iterator[dict[str, Preview]]:
    """Every stack's preview with all mutations."""
    try:
        plan = base.project / "recovery.yaml"
        plan.write_text(_edit_plan(plan.read_text(), PLAN))
        configure(base.project, {edit.before: edit.after for edit in CONFIG})
        (base.project / "__main__.py").write_text(PROGRAM)
        previews = {stack: base.preview(stack) for stack in STACKS}
    finally:
        base.restore()
    yield previews


@pytest.fixture(scope="module")
def findings(mutated: dict[str, Preview]) -> list[Finding]:
    return review(mutated.values())


def _edit_plan(text: str, edits: tuple[Edit, ...]) -> str:
    for edit in edits:
        assert text.count(edit.before) == 1, (
            f"{edit.what}: the plan has {edit.before!r} {text.count(edit.before)} times"
        )
        text = text.replace(edit.before, edit.after)
    return text


def _said(findings: list[Finding], stack: str, resource: str, at: str) -> set[Verdict]:
    return {
        found.verdict
        for found in findings
        if found.stack == stack and resource in ("*", found.name) and found.property.startswith(at)
    }


def test_the_engine_previewed_every_stack(mutated: dict[str, Preview]) -> None:
    assert {stack: preview.errors for stack, preview in mutated.items()} == dict.fromkeys(STACKS, ())


@pytest.mark.parametrize("mutation", COMPONENTS, ids=lambda each: f"{each.resource}-{each.at}")
def test_an_edited_component_is_sorted_as_a_person_would(mutation: Mutation, findings: list[Finding]) -> None:
    assert _said(findings, mutation.stack, *mutation.says) == {mutation.verdict}


@pytest.mark.parametrize("edit", [*PLAN, *CONFIG], ids=lambda each: each.what)
def test_an_edited_plan_or_config_is_sorted_as_a_person_would(edit: Edit, findings: list[Finding]) -> None:
    for stack, resource, at, verdict in edit.shows:
        assert _said(findings, stack, resource, at) == {verdict}, (stack, resource, at)


def test_there_are_sixty_mutations_and_harmless_ones_among_them() -> None:
    verdicts = [each.verdict for each in COMPONENTS] + [e.shows[0][3] for e in (*PLAN, *CONFIG) if e.shows]
    assert len(verdicts) >= 60
    assert verdicts.count(Verdict.NEUTRAL) >= 10


def test_nothing_is_objected_to_that_nobody_changed(findings: list[Finding]) -> None:
    known = [(each.stack, each.resource, each.at) for each in COMPONENTS]
    known += [(each.stack, each.resource, "replacement") for each in COMPONENTS if each.verdict is Verdict.DESTRUCTIVE]
    known += [place[:3] for edit in (*PLAN, *CONFIG) for place in edit.shows]
    # What follows: another check has another id, and a Service that changes has no address in a preview of the lab.
    known += [("foundation", "watch-canary-check", "dimensions.HealthCheckId")]
    known += [("dr", "recovery-bundle-object", "content.endpoints.gate")]
    unexplained = [
        f"{found.stack} {found.name} {found.property}: {found.old} -> {found.new}: {found.verdict}, {found.reason}"
        for found in findings
        if found.verdict.objection
        and not any(
            found.stack == stack and resource in ("*", found.name) and found.property.startswith(at)
            for stack, resource, at in known
        )
    ]
    assert not unexplained, "\n".join(unexplained)


def test_one_retention_number_changes_three_resources_at_most(base: Base) -> None:
    plan = base.project / "recovery.yaml"
    before, after = "keep: {local: 7d, cloud: 30d, archive: 7y}", "keep: {local: 7d, cloud: 31d, archive: 7y}"
    text = plan.read_text()
    try:
        plan.write_text(text.replace(before, after, 1))
        changed = {stack: _changed(base.preview(stack)) for stack in ("foundation", "prod")}
    finally:
        base.restore()
    assert "backups-dr-lifecycle" in changed["foundation"]
    assert {stack: names for stack, names in changed.items() if len(names) > 3} == {}


def _changed(preview: Preview) -> list[str]:
    assert preview.errors == ()
    steps = [step for step in preview.steps if step.op not in ("same", "read") and step.last and step.last.custom]
    return sorted({step.name for step in steps})


def test_what_is_added_to_a_stack_that_is_there_is_sorted_as_a_person_would(base: Base) -> None:
    names = base.world.names
    known = {"copies": names.backup_bucket("prod"), "marker": names.marker_bucket, "key": MARKER_KEY}
    known |= {"region": base.world.plan.sites.dr.region, "account": names.account}
    try:
        (base.project / "__main__.py").write_text(ADDING.replace("NAMES", repr(json.dumps(known))))
        preview = base.preview("foundation")
    finally:
        base.restore()
    assert preview.errors == ()
    found = [each for each in review([preview]) if each.name in ADDED]
    worst = {each.name: each.verdict for each in reversed(found)}
    assert worst == ADDED, "\n".join(f"{each.name} {each.property}: {each.reason}" for each in found)


def test_no_secret_of_the_stacks_is_in_what_the_review_says(base: Base, findings: list[Finding]) -> None:
    said = json.dumps([found.__dict__ for found in findings], default=str)
    assert not [secret for secret in base.world.primary.passwords.values() if secret in said]


def test_after_a_failover_no_preview_takes_data_moves_traffic_or_touches_the_lease(base: Base) -> None:
    """Last in this file: it leaves the world as a promotion does. DR is active, production is back, both are read."""
    world = base.world
    promoted = {"pk": {"S": "lease"}, "site": {"S": "dr"}, "epoch": {"N": "2"}, "state": {"S": "held"}}
    world.cloud("dynamodb", "us-west-2").put_item(TableName=world.names.control_table, Item=promoted)
    body = f"{MARKER_TEXT}\nepoch 2\n".encode()
    world.cloud("s3", "us-west-2").put_object(Bucket=world.names.marker_bucket, Key=MARKER_KEY, Body=body)
    namespace = world.plan.sites.dr.namespace
    for service, replicas in world.plan.services.items():
        path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{service}/scale"
        world.dr.api().merge(path, {"spec": {"replicas": replicas.full}})
    previews = [base.preview(stack, "--refresh") for stack in STACKS]
    assert [preview.errors for preview in previews] == [()] * len(STACKS)
    assert [f"{each.name} {each.property}: {each.reason}" for each in review(previews) if each.verdict.objection] == []
    changed = {step.type for preview in previews for step in preview.steps if step.op not in UNCHANGED}
    assert changed & (DATA | {DEPLOYMENT}) == set()

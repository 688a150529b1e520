"""The policy pack on Pulumi's real engine: `pulumi preview --policy-pack policy/pack`.

Every stack is previewed from nothing, when most is not known yet: the SDK's unknown values and secrets are among what
the rules read.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import previews
from lab.aws.site import Aws
from lab.machine.engine import PACK, PACK_PYTHON, Engine, Result

# The program with one of its resources edited, as if somebody had edited the component.
EDITED = """import pulumi
from infra.program import run
from policy.verdict import Verdict
from tests.support.review_mutations import Mutation, weaken
weaken(pulumi.get_stack(), [Mutation(pulumi.get_stack(), {resource!r}, {at!r}, {to!r}, Verdict.WEAKER)])
run()
"""
STACKS = ("foundation", "prod")


@pytest.fixture(scope="module")
def engine(session_aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """An engine on stacks that have nothing yet, with the pack's packages at hand."""
    if not list(PACK_PYTHON.parents[1].glob("lib/*/site-packages/pulumi_policy")):
        pytest.skip(
            "the policy pack's packages are not in policy/pack/.venv: they could not be had at the last `make setup`; "
            "docs/review.md has the command that installs them"
        )
    return previews.from_nothing(session_aws, tmp_path_factory.mktemp("pack") / "run", STACKS)


@pytest.fixture
def program(engine: Engine) -> Iterator[Path]:
    """The program of all stacks, to be edited."""
    path = engine.project_dir / "__main__.py"
    text = path.read_text()
    yield path
    path.write_text(text)


def preview(engine: Engine, stack: str) -> Result:
    return engine.run("preview", "--suppress-progress", "--policy-pack", str(PACK), stack=stack)


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_as_it_is_passes_the_pack(stack: str, engine: Engine) -> None:
    result = preview(engine, stack)
    assert result.code == 0, result.tail()
    assert "✅ ultramarket-dr@" in result.output


@pytest.mark.parametrize(
    ("stack", "resource", "at", "to", "said"),
    [
        pytest.param(
            "foundation",
            "backups-prod-bucket",
            "objectLockEnabled",
            False,
            (
                "[mandatory]  backup-bucket-locked  (aws:s3:Bucket: backups-prod-bucket)",
                "objectLockEnabled: a backup bucket without Object Lock: whoever holds the keys can end every copy. "
                "What to do: set object_lock_enabled=True.",
            ),
            id="unlocked-bucket",
        ),
        pytest.param(
            "prod",
            "backup-postgres-full-job",
            "spec.jobTemplate.spec.template.spec.containers[backup].image",
            "ultramarket/dr-runner:latest",
            (
                "[mandatory]  image-by-digest  (kubernetes:batch/v1:CronJob: backup-postgres-full-job)",
                "containers[backup].image: mutable image tag: ultramarket/dr-runner:latest. "
                "What to do: append @sha256:… of the image.",
            ),
            id="mutable-tag",
        ),
    ],
)
def test_the_engine_refuses_a_weakened_stack_in_the_packs_words(
    stack: str, resource: str, at: str, to: object, said: tuple[str, ...], engine: Engine, program: Path
) -> None:
    program.write_text(EDITED.format(resource=resource, at=at, to=to))
    result = preview(engine, stack)
    assert result.code == 1, result.tail()
    assert "❌ ultramarket-dr@" in result.output, result.tail()
    assert result.output.count("[mandatory]") == 1, result.output
    for words in said:
        assert words in result.output, result.output

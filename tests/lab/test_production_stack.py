"""`prodStack` that names the wrong stack ends with a message about the key, on the real engine."""

from tests.support.plans import ROOT
from tests.support.scratch_engine import MakeEngine, configure
from tests.support.scratch_engine import make_engine as make_engine  # a fixture

OWN = "organization/scratch/dev"
KEY = "ultramarket-dr:prodStack names"


def test_a_prod_stack_that_is_none_is_named_with_its_key_and_no_traceback(make_engine: MakeEngine) -> None:
    outputs = {"edge": "edge.test:443", "primary_host": "db.test", "system_identifier": "'7'"}
    engine = make_engine("reads_production.py", {"root": str(ROOT), **outputs}, {})
    engine.up("dev").must()

    configure(engine, "prodStack", OWN)
    said = engine.up("dev").tail(4000)
    assert f"{KEY} {OWN}, which has no output 'primary_port': is it the prod stack" in said
    assert "Next: correct the key in Pulumi.dr.yaml" in said and "Traceback" not in said

    configure(engine, "prodStack", "")
    configure(engine, "primary_port", "many")
    engine.up("dev").must()
    configure(engine, "prodStack", OWN)
    said = engine.up("dev").tail(4000)
    assert f"{KEY} {OWN}, which exports something else as 'primary_port'" in said and "Traceback" not in said

    configure(engine, "prodStack", "organization/scratch/nobody")
    said = engine.up("dev").tail(4000)
    assert "organization/scratch/nobody" in said and "Traceback" not in said

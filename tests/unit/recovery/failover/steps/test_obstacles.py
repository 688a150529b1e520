"""What can be seen beforehand and would stop a later step is refused before the first effect, one fault a test."""

from dataclasses import replace
from typing import Any

import pytest

from recovery.failover.facts import Facts, Unknown
from recovery.failover.steps.traffic import role_of
from recovery.ports.cluster import DeploymentState, GuardState
from recovery.ports.edge import ServiceAnswer
from recovery.ports.standby import LogAhead
from tests.support.preflight import facts, reason, verdict
from tests.support.promotion import EDGE, NOW, PLAN, deployments, rights, standby

ROLE = "arn:aws:sts::123456789012:assumed-role"


def preview(**steps: object) -> Facts:
    """All is well but for what these steps' looks ahead found."""
    return facts(previews=steps)


def changed(name: str, **changes: Any) -> Facts:
    """All is well but for one Deployment."""
    found: dict[str, Any] = {"name": name, "wanted": 1, "ready": 1, "problems": (), **changes}
    return facts(deployments={**deployments(), name: DeploymentState(**found)})


def warning(seen: Facts) -> str:
    """It may go, with one warning."""
    found = verdict(seen)
    assert found.may_go
    (only,) = found.warnings
    return only


# --- drain


def test_a_bucket_that_cannot_be_read_and_a_hole_are_said_before() -> None:
    assert warning(facts(log=Unknown("503 SlowDown"))) == (
        "what the DR bucket has of the log beyond the standby is not known: 503 SlowDown; unless that changes, the "
        "promotion stops at `drain` (--log-undrained goes on without)"
    )
    assert "the bucket's log has a hole at 0/1388" in warning(facts(log=LogAhead(end=5000, resumes=6000)))
    assert verdict(facts(log=LogAhead(end=5000))).warnings == ()


# --- scale


def test_a_service_of_the_plan_without_a_deployment_is_refused() -> None:
    left = {name: state for name, state in deployments().items() if name != "cart"}
    assert "does not have: no Deployment cart" in reason(facts(deployments=left))


def test_deployments_that_cannot_be_read_are_refused() -> None:
    assert "403" in reason(facts(deployments=Unknown("403 Forbidden", answered=True)))


def test_a_cluster_that_does_not_answer_is_said_once() -> None:
    silent = Unknown("time-out")
    assert "namespace" in reason(facts(annotations=silent, deployments=silent))


def test_a_user_who_may_not_scale_is_refused_and_an_unknown_right_is_a_warning() -> None:
    assert "may not scale" in reason(preview(scale=False))
    assert "whether this kubeconfig's user may scale is not known" in warning(preview(scale=Unknown("503")))


def test_an_image_that_cannot_be_pulled_is_refused_while_no_pod_of_the_service_is_ready() -> None:
    trouble = ("ErrImagePull: no such image",)
    assert "cart has 0 of 1 Pods ready: ErrImagePull" in reason(changed("cart", ready=0, problems=trouble))
    assert "cart has 1 of 2" in warning(changed("cart", wanted=2, ready=1, problems=trouble))


def test_a_service_that_may_need_the_promoted_database_to_become_ready_is_a_warning() -> None:
    assert "traffic moves only when every service has its least" in warning(
        changed("cart", ready=0, problems=("CrashLoopBackOff: cart-1",))
    )


# --- postgres


def test_a_login_that_may_not_promote_is_refused() -> None:
    assert "dr_promoter may not execute pg_promote" in reason(facts(rights=rights(promote=False)))


def test_the_right_to_resume_replay_is_asked_for_only_where_replay_is_paused() -> None:
    denied = rights(resume_replay=False)
    assert verdict(facts(rights=denied)).may_go
    assert "pg_wal_replay_resume()" in reason(facts(rights=denied, standby=standby(replay_paused=True)))


def test_unknown_rights_are_a_warning() -> None:
    assert "whether this login may promote is not known" in warning(facts(rights=Unknown("x")))


def test_a_password_that_is_wrong_is_not_answered_by_a_restore() -> None:
    away = Unknown("turns this login away", "correct PGUSER and its password", answered=True)
    (only,) = verdict(facts(standby=away, stream_moves=away, rights=away, newest_backup="m.json")).reasons
    assert only.next_step == "correct PGUSER and its password"


def test_a_database_that_is_down_is_brought_back_before_it_is_restored() -> None:
    down = Unknown("refuses connections", "start the server")
    (only,) = verdict(facts(standby=down, stream_moves=down, rights=down, newest_backup="m.json")).reasons
    assert only.next_step.startswith(
        "start the server; only if it is lost, restore from the newest full backup (m.json)"
    )


# --- write


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"read_only": True}, "default_transaction_read_only is on"),
        ({"update_site": None, "insert_probe": None}, "no table dr.site"),
        ({"update_site": False}, "may not write its probe"),
        ({"insert_probe": False}, "may not write its probe"),
        ({"site_rows": 0}, "dr.site has 0 rows"),
    ],
)
def test_a_probe_that_could_not_be_written_is_refused(change: dict[str, Any], words: str) -> None:
    assert words in reason(facts(rights=rights(**change)))


def test_a_guard_that_does_not_run_is_refused_since_the_gate_would_never_open() -> None:
    crashing = GuardState(running=False, problems=("CrashLoopBackOff: back-off 3s",))
    assert "CrashLoopBackOff" in reason(facts(guard=crashing))
    assert "no Pod of the DR site has a guard" in reason(facts(guard=None))
    assert verdict(facts(guard=GuardState(running=False))).may_go  # it is being started


def test_a_guard_of_which_nothing_is_known_is_a_warning() -> None:
    assert "whether the DR site's guard runs is not known: timeout" in warning(facts(guard=Unknown("timeout")))


def test_a_gate_whose_name_nobody_knows_is_refused() -> None:
    assert "the DR gate cannot be reached" in reason(preview(write=Unknown("g has no address", answered=True)))


def test_a_gate_that_is_open_under_production_s_lease_is_a_warning() -> None:
    assert "does not enforce the lease" in warning(preview(write="open"))
    assert not verdict(preview(write="closed")).warnings


# --- services


def answers(**changes: ServiceAnswer | str) -> Facts:
    """The DR edge answers for every service, but for these."""
    warm = {name: ServiceAnswer(status=503, site="dr", epoch=None) for name in PLAN.services}
    return preview(services={**warm, **changes})


def test_services_that_wait_for_their_database_answer_503_and_are_no_obstacle() -> None:
    assert not verdict(answers()).warnings
    assert verdict(answers()).may_go


def test_a_dr_edge_that_does_not_answer_is_refused() -> None:
    silent = preview(services=dict.fromkeys(PLAN.services, "dr.example does not answer: timed out"))
    assert "the DR edge does not answer: dr.example" in reason(silent)


def test_no_dr_edge_is_refused_and_a_wrong_certificate_is_told_apart_from_it() -> None:
    silent = answers()
    none = replace(silent, dr_edge=Unknown("edge-dr.example (192.0.2.7:443) does not answer: timed out"))
    assert "the DR edge does not answer: edge-dr.example" in reason(none)
    wrong = Unknown("edge-dr.example shows a certificate that is not good for api.ultramarket.com", "x", answered=True)
    assert "the DR edge would let no customer in: edge-dr.example shows a certificate" in reason(
        replace(silent, dr_edge=wrong)
    )
    assert verdict(replace(silent, dr_edge=EDGE)).may_go


def test_a_dr_edge_that_is_silent_for_one_service_is_a_warning() -> None:
    assert "does not answer for cart" in warning(answers(cart="timed out"))


def test_a_dr_edge_that_leads_to_production_is_refused() -> None:
    assert "leads to production" in reason(answers(cart=ServiceAnswer(status=200, site="prod", epoch=1)))


def test_a_service_that_the_dr_edge_has_no_way_to_is_refused() -> None:
    assert "no way to cart: HTTP 404" in reason(answers(cart=ServiceAnswer(status=404, site=None, epoch=None)))


def test_a_service_that_does_not_speak_the_contract_is_refused_before_and_not_after_the_takeover() -> None:
    login = ServiceAnswer(status=401, site=None, epoch=None, instead="HTTP 401: it wants a login")
    assert "cart at the DR edge does not answer as the services' contract says: HTTP 401" in reason(answers(cart=login))
    balancer = ServiceAnswer(status=503, site=None, epoch=None, instead="HTTP 503: a load balancer's")
    assert verdict(answers(cart=balancer)).may_go


# --- traffic


def test_credentials_that_the_marker_bucket_turns_away_are_refused() -> None:
    assert "of administrator; the marker bucket lets only" in reason(facts(caller=f"{ROLE}/administrator/me"))
    assert "of user anna" in reason(facts(caller="arn:aws:iam::123456789012:user/people/anna"))
    assert verdict(facts(caller=f"{ROLE}/ultramarket-dr-promoter/me")).may_go
    assert verdict(facts(caller="")).may_go


def test_a_caller_s_role_is_read_from_its_arn() -> None:
    assert role_of(f"{ROLE}/one/session/x") == "one"
    assert role_of("arn:aws-cn:sts::1:assumed-role/one/two") == "one"
    assert role_of("arn:aws:iam::1:root") == "root"
    assert role_of("arn:aws:sts::1:user/stand-in") == role_of("nonsense") == ""


# --- name


def test_a_resolver_that_cannot_be_asked_is_refused_with_the_option_that_names_another() -> None:
    (only,) = verdict(preview(name={"10.0.0.2:53": Unknown("timed out"), "10.0.0.3:53": None})).reasons
    assert "resolver 10.0.0.2:53 cannot verify" in only.what
    assert "--resolver" in only.next_step


# --- journal


def test_a_folder_that_takes_no_journal_is_refused_with_its_option() -> None:
    (only,) = verdict(facts(journal_folder=Unknown("full", "name a folder with --journal-dir"))).reasons
    assert "--journal-dir" in only.next_step


# --- a run that goes on


def test_what_is_done_is_not_asked_again() -> None:
    from recovery.failover.forecast import forecast
    from recovery.failover.overrides import Overrides
    from recovery.failover.preflight import judge
    from recovery.failover.steps import STEPS
    from tests.support.promotion import RUN, bundle, lease

    ours = lease(site="dr", epoch=2, holder_run=RUN, state="held")
    seen = facts(
        lease=ours, standby=standby(in_recovery=False), rights=rights(promote=False), previews={"scale": False}
    )
    left = [step for step in STEPS if step.name in ("traffic", "name")]
    outlook = forecast(PLAN, lease=ours, standby=standby(in_recovery=False), ready={}, now=NOW)
    assert judge(bundle(), seen, outlook, Overrides(), run=RUN, now=NOW, steps=left).may_go

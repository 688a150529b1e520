"""`dr check account`: whether an AWS account holds what the stacks declare. Reads only."""

from collections.abc import Iterator, Mapping

from operations.checks.account import replication
from operations.checks.account.buckets import assets_bucket, backup_bucket, marker_bucket
from operations.checks.account.keys import backup_key
from operations.checks.account.view import FOUNDATION, View
from operations.monitoring.findings import CRITICAL, OK, UNKNOWN, WARNING, Finding, Judged, finding_of
from recovery.access.duties import duty_policies
from recovery.access.simulation import questions
from recovery.errors import Refused
from recovery.names import ACCOUNT_OF_DUTY, Names, sites_of_duty
from recovery.plan.plan import SITES, SiteName

_CLUSTER_TAG = "aws:RequestTag/eks-cluster-arn"


def check(names: Names, view: View) -> Iterator[Finding]:
    """One finding after the other, as they become known. With the login of an account that holds copies alone, those
    are of their buckets and their key."""
    keys: dict[str, str] = {}
    if names.account == names.plan.backup_account:
        yield finding_of("bucket dr", lambda: backup_bucket(names, view, "dr", keys))
        yield finding_of("bucket assets", lambda: assets_bucket(names, view, keys, ""))
        yield finding_of("key dr", lambda: backup_key(names, view, "dr", keys))
        return

    def source() -> str:
        return replication.assets_source(names, view)

    for site in SITES:
        yield finding_of(f"bucket {site}", lambda site=site: backup_bucket(names, view, site, keys))
    yield finding_of("bucket marker", lambda: marker_bucket(names, view))
    yield finding_of("bucket assets", lambda: assets_bucket(names, view, keys, source()))
    yield finding_of("replication backups", lambda: replication.backups(names, view, keys))
    yield finding_of("replication assets", lambda: replication.assets(names, view, keys, source()))
    for site in SITES:
        yield finding_of(f"key {site}", lambda site=site: backup_key(names, view, site, keys))
    for site in SITES:
        yield finding_of(f"control table {site}", lambda site=site: _table(names, view, site))
    for site in SITES:
        yield finding_of(f"pod identities {site}", lambda site=site: _pods(names, view, site))
    for duty in ACCOUNT_OF_DUTY:
        yield finding_of(f"duty {duty}", lambda duty=duty: _duty(names, view, duty, keys, source()))


def _table(names: Names, view: View, site: SiteName) -> Judged:
    plan, region = names.plan, names.plan.site(site).region
    found = view.table(names.control_table, region)
    wrong: list[str] = []
    if found.get("TableStatus") != "ACTIVE":
        wrong.append(f"it is {found.get('TableStatus')}")
    if found.get("MultiRegionConsistency") != "STRONG":
        wrong.append(f"its consistency is {found.get('MultiRegionConsistency') or 'EVENTUAL'}: two sites could write")
    others = {each.get("RegionName"): each.get("ReplicaStatus") for each in found.get("Replicas", [])}
    wrong += [
        f"no replica at work in {other}" + (f": it is {others[other]}" if other in others else "")
        for other in (plan.site(each).region for each in SITES if each != site)
        if others.get(other) != "ACTIVE"
    ]
    witnesses = {each.get("RegionName"): each.get("WitnessStatus") for each in found.get("GlobalTableWitnesses", [])}
    if witnesses.get(plan.sites.witness.region) != "ACTIVE":
        wrong.append(f"no witness in {plan.sites.witness.region}: with one region gone nobody could take the lease")
    if not found.get("DeletionProtectionEnabled"):
        wrong.append("it is not protected from deletion")
    if found.get("PointInTimeRecoveryStatus") != "ENABLED":
        wrong.append("no point-in-time recovery")
    if found.get("SSEDescription", {}).get("Status") != "ENABLED":
        wrong.append("not encrypted under a key that CloudTrail knows of")
    if wrong:
        return Judged(CRITICAL, f"{names.control_table} in {region}: {'; '.join(wrong)}", FOUNDATION)
    return Judged(OK, f"{names.control_table} in {region}: strongly consistent, witness in {plan.sites.witness.region}")


def _pods(names: Names, view: View, where: SiteName) -> Judged:
    """Who in a site's cluster acts under which role. One that nobody declared is as bad as one that is missing."""
    site = names.plan.site(where)
    found = view.pod_identities(_cluster(names, view, where), site.region)
    expected = {
        f"{site.namespace}/{account}": names.role_arn(duty)
        for duty, account in ACCOUNT_OF_DUTY.items()
        if where in sites_of_duty(duty)
    }
    ours = {names.role_arn(duty) for duty in ACCOUNT_OF_DUTY}
    wrong = [
        f"{pods} acts as {role}"
        for pods, role in sorted(found.items())
        if (pods in expected or role in ours) and expected.get(pods) != role
    ]
    guard = f"{site.namespace}/{ACCOUNT_OF_DUTY['guard']}"
    if guard not in found:
        wrong.append(f"{guard} has no role: the guard cannot renew, and the gate stays shut")
    if wrong:
        next_step = f"run `pulumi preview --refresh --diff --stack {where}`: it shows who changed what"
        return Judged(CRITICAL, "; ".join(wrong), next_step)
    absent = [pods.rpartition("/")[2] for pods in expected if pods not in found]
    return Judged(OK, f"{len(found)} as declared" + (f"; no Pods yet of {', '.join(absent)}" if absent else ""))


def _cluster(names: Names, view: View, where: SiteName) -> str:
    """Its name. Production's is not ours to choose: the guard's role names it, whose Pods there may take it."""
    if where == "dr":
        return names.dr_cluster
    statements = view.trust(names.role_arn("guard")).get("Statement", [])
    arns = [each.get("Condition", {}).get("StringEquals", {}).get(_CLUSTER_TAG, "") for each in statements]
    region = names.plan.site(where).region
    found = [arn.rpartition("/")[2] for arn in arns if arn.startswith(f"arn:aws:eks:{region}:")]
    if not found:
        raise Refused(f"the guard's role trusts no cluster in {region}", next_step=FOUNDATION)
    return found[0]


def _duty(names: Names, view: View, duty: str, keys: Mapping[str, str], assets: str) -> Judged:
    """What IAM's simulator says of every call the duty needs, and of those it must not be allowed."""
    if len(keys) < len(SITES):
        return Judged(UNKNOWN, "the buckets' keys are not known, see above")
    role = names.role_arn(duty)
    refused: set[str] = set()
    allowed: set[str] = set()
    asked = 0
    for question in questions(names, duty_policies(names, keys, assets)[duty]):
        answers = view.simulate(role, question.actions, question.resource, question.context)
        asked += len(answers)
        where = f"on {question.resource}"
        if question.allowed:
            refused |= {f"{action} {where}" for action in question.actions if not answers.get(action)}
        else:
            allowed |= {f"{action} {where}" for action in question.actions if answers.get(action)}
    if allowed:
        return Judged(CRITICAL, f"it may do what no duty may: {', '.join(sorted(allowed))}", FOUNDATION)
    if refused:
        return Judged(WARNING, f"it may not do what it is for: {', '.join(sorted(refused))}", FOUNDATION)
    return Judged(OK, f"{asked} calls simulated, all as declared")

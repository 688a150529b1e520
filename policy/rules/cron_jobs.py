"""CronJobs: whether and when something runs (a suspended one is objected to here), and the Job that is started."""

from policy.comparisons.basic import kept, must_be, size
from policy.comparisons.schedules import schedule, time_zone
from policy.rule import Rule, Subject
from policy.rules.pod_template import TEMPLATE_RULES
from policy.rules.shorthand import OFF, ON, Known, ignore, replaceable
from policy.values import at
from recovery.names import RESTORE_TEMPLATE


def _is_template(subject: Subject) -> bool:
    """Whether it is there for others to make Jobs of."""
    return at(subject.old_inputs or subject.inputs, "metadata", "name") == RESTORE_TEMPLATE


def _is_to_run(subject: Subject) -> bool:
    return not _is_template(subject)


_JOB = (
    Rule("spec.activeDeadlineSeconds", kept(stays=size()), "a long run is ended before it is complete"),
    Rule("spec.backoffLimit", size(default=6), "fewer tries"),
    *ignore("spec.ttlSecondsAfterFinished"),
    *(rule.below("spec.template") for rule in TEMPLATE_RULES),
)

CRON_JOB_RULES: dict[str, Known] = {
    "kubernetes:batch/v1:CronJob": (
        replaceable("schedule dropped"),
        Rule("spec.schedule", schedule, "copies are made less often"),
        Rule("spec.suspend", OFF, "schedule suspended", _is_to_run),
        Rule("spec.suspend", ON, "what is there to be copied from runs by itself", _is_template),
        Rule("spec.concurrencyPolicy", must_be("Forbid", default="Allow"), "two runs at once"),
        Rule("spec.startingDeadlineSeconds", size(default=float("inf")), "a run that starts late is skipped sooner"),
        Rule("spec.timeZone", time_zone, "the cluster's own clock decides when it runs"),
        *ignore("spec.successfulJobsHistoryLimit spec.failedJobsHistoryLimit"),
        *(rule.below("spec.jobTemplate") for rule in _JOB),
    ),
}

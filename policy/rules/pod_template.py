"""What runs in a Pod, by the template that every workload has: image, command, environment, privileges, room."""

from policy.comparisons.basic import contains_all, fixed, kept, must_be, none_at_all, ranked, shorter, size
from policy.comparisons.labels import describing
from policy.comparisons.numbers import quantity
from policy.comparisons.pods import GUARD_MODE, command, image, is_guard, judged_elsewhere
from policy.rule import Rule
from policy.rules.shorthand import OFF, ON, each, ignore
from policy.verdict import Verdict
from recovery.names import ACCEPTED_INCREMENTALS, SKIP_CREDENTIALS, SOCKET_VOLUME

_C = "spec.containers[*]"
_SHUT = "what the `restricted` Pod Security Standard asks for is given up"
_STAYS = "the Pod stays longer on a node that is gone"
_SMALL = "less than it was sized for"
_MOUNTED = must_be("OnRootMismatch", default="Always", new=False)
_ADDED = contains_all(fewer=Verdict.STRONGER, more=Verdict.WEAKER, born=none_at_all)
_STALE = "incremental backups of a PostgreSQL that can restore stale data"
_OVERRIDE = kept(gone=Verdict.STRONGER, come=Verdict.WEAKER)
_FOR_A_PERSON = kept(gone=Verdict.UNJUDGED, come=Verdict.UNJUDGED)
# https://www.postgresql.org/docs/18/libpq-ssl.html#LIBPQ-SSL-PROTECTION
_TLS = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")

_EPHEMERAL = "spec.volumes[*].ephemeral.volumeClaimTemplate.spec"
TEMPLATE_RULES = (
    Rule(f"{_C}.image", image, "mutable image tag: what runs can change without a preview"),
    Rule(f"{_C}.command", command, "without an enforcing guard two sites may write", is_guard),
    *each(f"{_C}.command {_C}.args", command, "another command"),
    Rule(f"{_C}.volumeMounts[{SOCKET_VOLUME}]", kept(come=Verdict.WEAKER), "gate bypassed: the database's socket"),
    Rule(f"{_C}.env[DR_LOCK_MODE].value", ranked("GOVERNANCE", "COMPLIANCE"), "lock relaxed"),
    Rule(f"{_C}.env[PGSSLMODE].value", ranked(*_TLS, least="require"), "TLS to the primary relaxed"),
    Rule(f"{_C}.env[PGSSLMODE]", kept(come=Verdict.UNJUDGED), "TLS to the primary relaxed"),
    Rule(f"{_C}.env[DR_GUARD_MODE].value", GUARD_MODE, "guard not enforcing"),
    Rule(f"{_C}.env[{ACCEPTED_INCREMENTALS}]", _OVERRIDE, _STALE),
    Rule(f"{_C}.env[{ACCEPTED_INCREMENTALS}].value", fixed(), _STALE),
    *ignore(f"{_C}.env[DR_READ_AT_START].value"),  # names what the plan says, which is judged by itself
    Rule(f"{_C}.env[*]", _FOR_A_PERSON, "the command finds something else in its environment"),
    *each(f"{_C}.resources {_C}.resources.limits", kept(), "one Pod can starve the others"),
    Rule(f"{_C}.resources.limits[*]", kept(stays=size(quantity)), _SMALL),
    Rule(f"{_C}.resources.requests[*]", size(quantity, default=0), _SMALL),
    Rule(f"{_C}.securityContext.allowPrivilegeEscalation", must_be(False, default=True), _SHUT),
    *each(f"{_C}.securityContext.readOnlyRootFilesystem spec.securityContext.runAsNonRoot", ON, _SHUT),
    *each(f"{_C}.securityContext.privileged spec.hostPID spec.hostIPC", OFF, _SHUT),
    Rule(f"{_C}.securityContext.capabilities.drop", contains_all(), _SHUT),
    Rule(f"{_C}.securityContext.capabilities.add", _ADDED, _SHUT),
    Rule("spec.securityContext.seccompProfile.type", must_be("RuntimeDefault", default="Unconfined"), _SHUT),
    Rule("spec.securityContext.fsGroupChangePolicy", _MOUNTED, "each mount opens the data, and PostgreSQL refuses it"),
    Rule("spec.hostNetwork", OFF, "the Pod is outside every network policy"),
    Rule("spec.automountServiceAccountToken", must_be(False, default=True), "a token of the cluster in every Pod"),
    Rule("spec.volumes[*]", _FOR_A_PERSON, "another volume"),
    Rule("spec.volumes[*].configMap.name", judged_elsewhere, "another ConfigMap, not shown in this preview"),
    Rule("spec.volumes[*].emptyDir.sizeLimit", size(quantity), "less room to work in"),
    Rule(f"{_EPHEMERAL}.resources.requests.storage", size(quantity), "less room to work in"),
    Rule("spec.terminationGracePeriodSeconds", size(default=30), "less time for a clean stop"),
    Rule("spec.activeDeadlineSeconds", kept(stays=size()), "a Job without deadline can hang for ever"),
    Rule('metadata.labels["app.kubernetes.io/component"]', fixed(), "gate bypassed: policies go by it"),
    Rule(f'metadata.annotations["{SKIP_CREDENTIALS}"]', fixed(), "AWS credentials for who needs none"),
    Rule("metadata.annotations[*]", describing, "an annotation of the Pod"),
    Rule("spec.tolerations", kept(), _STAYS),
    Rule("spec.tolerations[*].tolerationSeconds", shorter(), _STAYS),
    Rule("spec.priorityClassName", fixed(), "other Pods come before it"),
)
"""Paths are relative to the template."""

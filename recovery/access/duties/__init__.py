"""What each duty may do, one IAM policy a role and a file.

Every statement says why it is there. None may delete a version of a copy or open its lock; break-glass, which may, is
in `recovery.access.buckets`.
"""

from collections.abc import Mapping

from recovery.access.documents import Document
from recovery.access.duties.exporter import exporter_policy
from recovery.access.duties.guard import guard_policy
from recovery.access.duties.monitor import monitor_policy
from recovery.access.duties.promoter import promoter_policy
from recovery.access.duties.pruner import pruner_policy
from recovery.access.duties.restorer import restorer_policy
from recovery.access.duties.shipper import shipper_policy
from recovery.access.duties.wall import wall_policy
from recovery.access.duties.writer import writer_policy
from recovery.names import Names
from recovery.plan.plan import SITES


def duty_policies(names: Names, key_arns: Mapping[str, str], assets: str = "") -> dict[str, Document]:
    """By duty, in the order of a copy's life. `key_arns`: each site's backup key; `assets`: production's bucket of
    static assets, empty when nothing copies it."""
    both = [key_arns[site] for site in SITES]
    return {
        "writer": writer_policy(names, both),
        "exporter": exporter_policy(names, *both),
        "shipper": shipper_policy(names, key_arns["dr"]),
        "restorer": restorer_policy(names, *both),
        "monitor": monitor_policy(names, both, assets),
        "pruner": pruner_policy(names, both),
        "guard": guard_policy(names, key_arns["dr"]),
        "wall": wall_policy(names),
        "promoter": promoter_policy(names, both, assets),
    }

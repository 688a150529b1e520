"""Copies of configuration: as the writer, below their own prefix alone; and Secrets sealed under the backup keys, which
it cannot open again.

KMS is asked by itself here, not through S3, and only for what says that it belongs to such a copy. It lacks kms:Decrypt
on what it sealed: whoever takes this role over later learns nothing from the copies.
"""

from recovery.access.conditions import sealing
from recovery.access.documents import Document, allow, document
from recovery.access.duties.scope import SEALED
from recovery.access.duties.writer import writing
from recovery.copies.retention import FULL
from recovery.names import Names


def exporter_policy(names: Names, prod_key_arn: str, dr_key_arn: str) -> Document:
    """The role's policy: both sites' backup keys."""
    return document(
        *writing(names, [prod_key_arn, dr_key_arn], [f"{SEALED}/"], [(SEALED, FULL)]),
        # The DR region's key makes the data key, without which there is no copy; production's region's is one more.
        allow("Seal", ["kms:GenerateDataKey"], [dr_key_arn], sealing(SEALED)),
        allow("SealForProduction", ["kms:Encrypt"], [prod_key_arn], sealing(SEALED)),
    )

"""What reaches the alarms, with either region gone."""

from collections.abc import Mapping

import pytest

from operations.monitoring.findings import CRITICAL, OK, UNKNOWN, Finding
from operations.monitoring.publishing import publish
from recovery.errors import Unreachable

FOUND = [Finding("lease", OK, ""), Finding("standby", CRITICAL, ""), Finding("marker", UNKNOWN, "")]


class Sink:
    """One region's metrics in memory."""

    def __init__(self, region: str, *, gone: bool = False) -> None:
        self.region = region
        self.gone = gone
        self.levels: dict[str, int] = {}

    def put(self, levels: Mapping[str, int]) -> None:
        """Keep them. Raises Unreachable."""
        if self.gone:
            raise Unreachable(f"CloudWatch in {self.region} is gone")
        self.levels.update(levels)


def test_every_finding_goes_to_the_monitor_s_region_and_the_worst_to_both() -> None:
    own, other = Sink("us-west-2"), Sink("us-east-1")
    assert publish(FOUND, own=own, other=other) == []
    assert own.levels == {"lease": OK, "standby": CRITICAL, "marker": UNKNOWN, "worst": CRITICAL}
    assert other.levels == {"worst": CRITICAL}


@pytest.mark.parametrize("gone", ["us-west-2", "us-east-1"])
def test_a_region_that_is_gone_is_told_and_the_other_hears_all_the_same(gone: str) -> None:
    own, other = (Sink(region, gone=region == gone) for region in ("us-west-2", "us-east-1"))
    (missed,) = publish(FOUND, own=own, other=other)
    assert gone in str(missed)
    assert (other if own.gone else own).levels["worst"] == CRITICAL


def test_nobody_hearing_anything_fails() -> None:
    with pytest.raises(Unreachable, match="us-west-2"):
        publish(FOUND, own=Sink("us-west-2", gone=True), other=Sink("us-east-1", gone=True))

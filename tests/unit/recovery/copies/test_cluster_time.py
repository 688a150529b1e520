"""Cluster times: written, read, ordered."""

from datetime import UTC, datetime

import pytest

from recovery.copies.cluster_time import ClusterTime, shown


def test_a_cluster_time_is_read_as_it_is_written_and_sorts_by_second_and_number() -> None:
    times = [ClusterTime(9, 10), ClusterTime(10, 2), ClusterTime(10, 11)]
    assert [ClusterTime.parse(str(each)) for each in times] == times == sorted(times)
    assert [ClusterTime.at(each.position) for each in times] == times
    assert [each.position for each in times] == sorted(each.position for each in times)
    assert ClusterTime(1764500000, 7).moment == datetime(2025, 11, 30, 10, 53, 20, tzinfo=UTC)
    assert shown(ClusterTime(1764500000, 7).position) == "1764500000.7 (2025-11-30 10:53:20 UTC)"


@pytest.mark.parametrize("text", ["", "1", "1.", ".1", "1.2.3", "-1.2", "1764500000.7/82", "0/3000148"])
def test_what_is_no_cluster_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no cluster time"):
        ClusterTime.parse(text)

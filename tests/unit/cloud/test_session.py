"""What stands in the environment of an AWS client is told in words when it is wrong."""

from collections.abc import Iterator

import pytest

from cloud import session
from cloud.control_table import region_clients
from recovery.errors import Refused


@pytest.fixture(autouse=True)
def _own_session() -> Iterator[None]:
    session._session.cache_clear()
    yield
    session._session.cache_clear()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("AWS_ENDPOINT_URL", "garbage", "Invalid endpoint: garbage"),
        ("AWS_PROFILE", "nobody", "The config profile (nobody) could not be found"),
        ("AWS_CONFIG_FILE", __file__, "Unable to parse config file"),
    ],
)
def test_wrong_settings_of_the_sdk_are_refused_in_one_message(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: str
) -> None:
    monkeypatch.setenv(name, value)
    for make in (lambda: session.client("sts", "us-west-2"), lambda: region_clients(["us-west-2"], attempt_seconds=1)):
        with pytest.raises(Refused) as refused:
            make()
        assert expected in refused.value.what
        assert "AWS_" in refused.value.next_step

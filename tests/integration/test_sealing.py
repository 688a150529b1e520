"""Secrets under the AWS Encryption SDK and KMS keys of both regions, any one of which opens them."""

import logging

import pytest

from engines.configuration.message import require_whole
from recovery.errors import Corrupt, Refused, Unreachable
from tests.support.kms_keys import CONTENT, CONTEXT, REGIONS, Keys
from tests.support.kms_keys import keys as keys  # fixture


def test_either_key_alone_opens_it_and_the_dr_region_s_is_named_first(keys: Keys) -> None:
    """Pitfall 6: each Secret is ciphertext, and decrypting works with the DR region's key alone."""
    sealed, named, missing = keys.seal()
    assert (b"sesame" in sealed, missing) == (False, "")
    assert named == (keys.arns["dr"], keys.arns["prod"])
    for site in REGIONS:
        assert keys.opened(sealed, site) == CONTENT
    require_whole([sealed], key="k", keys=named, context=CONTEXT)


def test_with_production_s_region_gone_it_is_opened_and_made_all_the_same(keys: Keys) -> None:
    sealed, named, _ = keys.seal()
    keys.aws.reach.region_gone("us-east-1", how="refused")
    assert keys.opened(sealed, "dr", "prod") == CONTENT
    alone, names, missing = keys.seal()
    assert names == named[:1] and "does not open its Secrets: KMS did not answer" in missing
    assert keys.opened(alone, "dr") == CONTENT


def test_without_the_dr_region_s_key_nothing_is_sealed_and_with_it_gone_production_s_opens(keys: Keys) -> None:
    sealed, *_ = keys.seal()
    keys.disable("dr")
    with pytest.raises(Refused, match=r"KMS refuses GenerateDataKey of .*us-west-2"):
        keys.seal()
    assert keys.opened(sealed, "dr", "prod") == CONTENT
    with pytest.raises(Refused, match=r"KMS refuses Decrypt of .*us-west-2") as error:
        keys.opened(sealed, "dr")
    assert "ultramarket-dr-restorer" in error.value.next_step
    keys.aws.reach.region_gone("us-west-2", how="refused")
    with pytest.raises(Unreachable, match=r"KMS did not answer about .*us-west-2"):
        keys.opened(sealed, "dr")


def test_one_of_another_copy_is_refused_although_its_key_opens_it(keys: Keys) -> None:
    sealed, *_ = keys.seal()
    other = {**CONTEXT, "backup": "20261123T040000Z-b"}
    with pytest.raises(Corrupt, match=r"20261130T040000Z-a.*, not of .*20261123T040000Z-b"):
        keys.opened(sealed, "dr", context=other)


def test_every_kind_of_damage_is_found_and_none_is_told_with_the_content(keys: Keys) -> None:
    sealed, *_ = keys.seal(b"ultramarket-test-secret-sesame")
    for at in range(0, len(sealed), 7):
        broken = bytearray(sealed)
        broken[at] ^= 1
        with pytest.raises((Corrupt, Refused, Unreachable)) as error:
            keys.opened(bytes(broken), "dr")
        assert "sesame" not in str(error.value)
    for size in (0, 1, 40, len(sealed) - 1):
        with pytest.raises(Corrupt):
            keys.opened(sealed[:size], "dr")


def test_a_refusal_leaves_no_line_of_the_sdk_s_on_anybody_s_terminal(
    keys: Keys, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    sealed, *_ = keys.seal()
    keys.disable("dr")
    with caplog.at_level(logging.DEBUG), pytest.raises(Refused):
        keys.opened(sealed, "dr")
    said = capfd.readouterr()
    assert said.out + said.err == ""
    assert not [each for each in caplog.records if each.name.startswith("aws_encryption_sdk")]

"""What looks like a secret, and what only looks a little like one."""

import pytest

from recovery.copies.secret_texts import LONGEST, found_in


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (b"-----BEGIN PRIVATE KEY-----\nMII", "a private key"),
        (b"-----BEGIN RSA PRIVATE KEY-----", "a private key"),
        (b"-----BEGIN OPENSSH PRIVATE KEY-----", "a private key"),
        (b"\0\1-----BEGIN EC PRIVATE KEY-----", "a private key"),  # in an archive, say
        (b"AGE-SECRET-KEY-1" + b"Q" * 58, "a private key of age"),
        (b"id = AKIA" + b"ABCDEFGH" * 2, "an AWS access key"),
        (b"aws_secret_access_key = " + b"a" * 40, "an AWS secret key"),
        (b'AWS_SECRET_ACCESS_KEY="' + b"b/+c" * 10 + b'"', "an AWS secret key"),
        (b"token: ghp_" + b"a" * 36, "a token of GitHub"),
        (b"github_pat_" + b"a1_" * 25, "a token of GitHub"),
        (b"sk_live_" + b"a" * 24, "a key of Stripe"),
        (b"rk_live_" + b"a" * 24, "a key of Stripe"),
        (b"xoxb-" + b"1234567890-" * 3, "a token of Slack"),
        (b"postgres://app:s3cret@db:5432/shop", "a password in an address"),
        (b"mongodb+srv://app:s3cret@cluster/shop", "a password in an address"),
        (b"rediss://:s3cret@cache:6379", "a password in an address"),
        (b"ultramarket-test-secret-42", "UltraMarket's test secret"),
    ],
)
def test_a_secret_is_found_where_it_is(text: bytes, what: str) -> None:
    before = b"line\n" * 10
    found = list(found_in(before + text + b"\nafter"))
    assert [name for _, name in found] == [what]
    assert len(before) <= found[0][0] <= len(before) + len(text)


@pytest.mark.parametrize(
    "text",
    [
        b"-----BEGIN PUBLIC KEY-----",
        b"-----BEGIN CERTIFICATE-----",
        b"PRIVATE KEY-----",
        b"AKIAMS and AKIALOWERCASEabcdefgh",
        b"aws_secret_access_key = ${AWS_SECRET}",
        b"postgres://db:5432/shop",
        b"postgres://app@db/shop",
        b"postgresql://app:${PASSWORD}@db/shop",
        b"mongodb://app:<password>@db/shop",
        b"https://user:password@example.com",
        b"pk_live_" + b"a" * 24,  # publishable
        b"\0noise AKIA" + b"ABCDEFGH" * 2,  # what is no text holds such bytes by chance
    ],
)
def test_what_is_no_secret_is_left_alone(text: bytes) -> None:
    assert list(found_in(text)) == []


def test_one_of_each_kind_is_told_and_no_more() -> None:
    assert len(list(found_in(b"ultramarket-test-secret-1 " * 100 + b"-----BEGIN PRIVATE KEY-----"))) == 2


def test_no_pattern_is_longer_than_what_is_kept_of_the_piece_before() -> None:
    assert LONGEST >= 512

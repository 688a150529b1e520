"""What the dr stack reads of the prod stack, named by the key `prodStack`."""

import re
from collections.abc import Callable

import pulumi

from recovery.names import SSL_MODES

_KEY = "ultramarket-dr:prodStack"


class Production:
    """The outputs of the prod stack. One that is missing or of another shape ends the run with a message."""

    def __init__(self, stack_name: str) -> None:
        self._name = stack_name
        self._stack = pulumi.StackReference("prod", stack_name=stack_name)

    @property
    def edge(self) -> pulumi.Output[str]:
        """Production's edge as host:port."""
        return self._text("edge", r"\S+:[0-9]{1,5}")

    @property
    def primary_host(self) -> pulumi.Output[str]:
        """Where the standby streams from."""
        return self._text("primary_host", r"\S+")

    @property
    def primary_port(self) -> pulumi.Output[str]:
        """Its port."""
        return self._text("primary_port", r"[0-9]{1,5}")

    @property
    def ssl_mode(self) -> pulumi.Output[str]:
        """libpq's sslmode for connections to it."""
        return self._text("ssl_mode", "|".join(SSL_MODES))

    @property
    def primary_ca(self) -> pulumi.Output[str]:
        """The CA of its certificate as PEM; empty where that is not verified."""
        return self._text("primary_ca", r"(-----BEGIN CERTIFICATE-----[\s\S]+)?")

    @property
    def redis_host(self) -> pulumi.Output[str]:
        """Where the DR site's Redis follows from."""
        return self._text("redis_host", r"\S+")

    @property
    def redis_port(self) -> pulumi.Output[str]:
        """Its port."""
        return self._text("redis_port", r"[0-9]{1,5}")

    @property
    def redis_tls(self) -> pulumi.Output[str]:
        """Whether it speaks TLS: yes or no."""
        return self._text("redis_tls", "yes|no")

    @property
    def redis_ca(self) -> pulumi.Output[str]:
        """The CA of its certificate as PEM; empty for what everybody believes."""
        return self._text("redis_ca", r"(-----BEGIN CERTIFICATE-----[\s\S]+)?")

    @property
    def system_identifier(self) -> pulumi.Output[str]:
        """PostgreSQL's; empty where production's settings do not name it."""
        return self._text("system_identifier", r"[0-9]*")

    def _text(self, output: str, pattern: str) -> pulumi.Output[str]:
        return self._stack.get_output(output).apply(_checked(self._name, output, pattern))


def _checked(stack: str, output: str, pattern: str) -> Callable[[object], str]:
    def check(value: object) -> str:
        if value is not None and re.fullmatch(pattern, str(value), re.ASCII):
            return str(value)
        problem = f"has no output {output!r}" if value is None else f"exports something else as {output!r}"
        raise pulumi.RunError(
            f"{_KEY} names {stack}, which {problem}: is it the prod stack, and is it up?\n"
            f"Next: correct the key in Pulumi.dr.yaml, or bring that stack up: pulumi up --stack prod"
        )

    return check

"""Ciphertext by the AWS Encryption SDK, under the KMS keys of both regions.

The message names every key that opens it, so its own format is all that is needed to open it by hand:
https://docs.aws.amazon.com/encryption-sdk/latest/developer-guide/message-format.html

Its suite has key commitment and no signature: who may write copies may also sign them, and every frame is
authenticated before it is handed on. The SDK is loaded when it is needed: with it comes what takes half a second.
"""

import io
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cloud.session import client
from recovery.errors import Corrupt, DrError, Refused, Unreachable
from recovery.ports.sealing import Context, Sealed

_PIECE = 64 * 1024
_DENIED = ("AccessDeniedException", "NotFoundException", "DisabledException", "KMSInvalidStateException")
_ADVICE = "use another backup (`dr backups`), and find out who changed this one"


@dataclass(frozen=True)
class KmsSealer:
    """`recovery.ports.Sealer`. `dr` and `prod` are ARNs of keys, or of their aliases."""

    dr: str
    prod: str

    def seal(self, chunks: Iterable[bytes], context: Context) -> Sealed:
        missing = ""
        try:
            stream = _begun(chunks, [self.dr, self.prod], context)
        except (Refused, Unreachable) as error:
            # Production's region may be the one that is gone. Nothing of `chunks` has been read yet.
            stream = _begun(chunks, [self.dr], context)
            missing = f"the key of production's region does not open its Secrets: {error.what}"
        keys = tuple(_arn(each) for each in stream.header.encrypted_data_keys)
        named = [each for each in keys if _region(each) == _region(self.dr)]
        return Sealed(
            chunks=_read(stream), keys=(*named, *(each for each in keys if each not in named)), missing=missing
        )


class KmsOpener:
    """`recovery.ports.Opener`."""

    def open(self, source: Callable[[], Iterable[bytes]], keys: Iterable[str], context: Context) -> Iterator[bytes]:
        from aws_encryption_sdk.exceptions import AWSEncryptionSDKClientError
        from cryptography.exceptions import InvalidTag

        try:
            stream = self._opened(source, tuple(keys), context)
            yield from _read(stream)
        except (AWSEncryptionSDKClientError, InvalidTag) as error:
            words = f"{type(error).__name__}: {error}".rstrip(": ")
            raise Corrupt(f"the ciphertext was changed, or is cut off: {words}", next_step=_ADVICE) from None

    def _opened(self, source: Callable[[], Iterable[bytes]], keys: tuple[str, ...], context: Context) -> Any:
        failures = list[DrError]()
        for key in keys:
            stream = _sdk().stream(mode="d", source=_Source(source()), key_provider=_key(key))
            try:
                header = stream.header
            except (Refused, Unreachable) as error:
                failures.append(error)
                continue
            said = header.encryption_context
            if any(said.get(name) != value for name, value in context.items()):
                raise Corrupt(
                    f"the ciphertext is of {_shown(said)}, not of {_shown(context)}: somebody exchanged it",
                    next_step=_ADVICE,
                )
            return stream
        words = "; ".join(each.what for each in failures) or "no key is named that opens it"
        kind = Refused if any(isinstance(each, Refused) for each in failures) else Unreachable
        raise kind(
            words,
            next_step="ask with the role that may open it (ultramarket-dr-restorer, in the DR region), or break-glass",
        )


def _begun(chunks: Iterable[bytes], keys: list[str], context: Context) -> Any:
    """A stream whose data key is there. Raises Refused, Unreachable."""
    from aws_encryption_sdk.identifiers import Algorithm

    first, *others = (_key(each) for each in keys)
    first.others = others
    stream = _sdk().stream(
        mode="e",
        source=_Source(chunks),
        key_provider=first,
        encryption_context=dict(context),
        algorithm=Algorithm.AES_256_GCM_HKDF_SHA512_COMMIT_KEY,
    )
    _ = stream.header  # asks for the data key
    return stream


def _worded(error: BaseException, key: str, what: str) -> DrError:
    if isinstance(error, BotoCoreError):
        return Unreachable(f"KMS did not answer about {key}: {error}", next_step="check the network path to its region")
    if isinstance(error, ClientError):
        said = error.response.get("Error", {})
        if said.get("Code") == "InvalidCiphertextException":
            return Corrupt(f"what {key} should open was changed, or is of another copy", next_step=_ADVICE)
        if said.get("Code") not in _DENIED:
            return Unreachable(f"KMS failed at {what} of {key}: {said.get('Code')}", next_step="run it again")
        return Refused(
            f"KMS refuses {what} of {key}: {said.get('Code')}",
            next_step="see whether the role may, and whether the key is there and enabled: `dr check account`",
        )
    return Refused(f"{what} of {key} is not possible: {error}", next_step="see which keys the copy names")


def _key(arn: str) -> Any:
    return _key_class()(key_id=arn, client=client("kms", _region(arn)))


@cache
def _key_class() -> Any:
    """The SDK's master key, which says what KMS said: the SDK's own forgets that when it looks at a message's next key,
    and lets pass what is no answer."""
    from aws_encryption_sdk.exceptions import DecryptKeyError, EncryptKeyError, GenerateKeyError
    from aws_encryption_sdk.key_providers.kms import KMSMasterKey

    @contextmanager
    def worded(key: Any, what: str) -> Iterator[None]:
        try:
            yield
        except (GenerateKeyError, EncryptKeyError, DecryptKeyError) as error:
            raise _worded(error.__cause__ or error, key.config.key_id.decode(), what) from None
        except BotoCoreError as error:
            raise _worded(error, key.config.key_id.decode(), what) from None

    class Key(KMSMasterKey):
        others: Sequence[Any] = ()
        """That open what this one makes a data key for; a master key of the SDK's stands alone."""

        def master_keys_for_encryption(self, *_: Any, **__: Any) -> Any:
            return self, [self, *self.others]

        def _generate_data_key(self, *rest: Any, **named: Any) -> Any:
            with worded(self, "GenerateDataKey"):
                return super()._generate_data_key(*rest, **named)

        def _encrypt_data_key(self, *rest: Any, **named: Any) -> Any:
            with worded(self, "Encrypt"):
                return super()._encrypt_data_key(*rest, **named)

        def _decrypt_data_key(self, *rest: Any, **named: Any) -> Any:
            with worded(self, "Decrypt"):
                return super()._decrypt_data_key(*rest, **named)

    return Key


def _sdk() -> Any:
    import aws_encryption_sdk

    # It logs every refusal with a traceback, on standard error where nobody has set logging up.
    logger = logging.getLogger("aws_encryption_sdk")
    logger.handlers, logger.propagate = [logging.NullHandler()], False
    return aws_encryption_sdk.EncryptionSDKClient()


def _read(stream: Any) -> Iterator[bytes]:
    while piece := stream.read(_PIECE):
        yield piece


def _arn(encrypted: Any) -> str:
    said = encrypted.key_provider.key_info
    return said.decode() if isinstance(said, bytes) else str(said)


def _region(arn: str) -> str:
    """Raises Refused for what is no ARN of a key."""
    parts = arn.split(":")
    if len(parts) < 6 or parts[2] != "kms":
        raise Refused(f"{arn!r} is no ARN of a KMS key", next_step="see what the copy's index says")
    return parts[3]


def _shown(context: Context) -> str:
    return ", ".join(f"{name} {value}" for name, value in sorted(context.items())) or "nothing"


class _Source(io.RawIOBase):
    """Chunks as the file that the SDK reads."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks, self._rest = iter(chunks), b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        found = bytearray(self._rest)
        while size < 0 or len(found) < size:
            piece = next(self._chunks, None)
            if piece is None:
                break
            found += piece
        end = len(found) if size < 0 else size
        self._rest = bytes(found[end:])
        return bytes(found[:end])

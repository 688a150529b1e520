"""Serves a provider over Pulumi's plugin protocol: `pulumi.provider.experimental` plus three things it leaves out.

Errors become one clear line instead of a Python class name; `diff` gets the old *inputs* (comparing with old outputs
could not tell a removed input from a computed value); a resource that was made but did not become ready is recorded.
"""

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

import grpc
import grpc.aio
import pulumi.provider.experimental.provider as protocol
from google.protobuf import struct_pb2
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from lab.providers.values import plain_map, property_map


def _own_type(urn: str) -> str:
    """A child's URN carries its parents' types too (`ultramarket:dr:DutyRole$aws:iam/role:Role`); the SDK forgets."""
    return urn.split("::")[2].rsplit("$", 1)[-1]


protocol._extract_type = _own_type  # pyright: ignore[reportPrivateUsage]


class ProviderError(Exception):
    """Raised for anything a user should read: names the resource, what was found and what to do next."""


class NotReadyError(ProviderError):
    """Raised when a resource exists now but did not become ready; it stays in the state."""

    def __init__(self, message: str, resource_id: str, properties: dict[str, Any], inputs: dict[str, Any]) -> None:
        super().__init__(message)
        self.resource_id, self.properties, self.inputs = resource_id, properties, inputs


OLD_INPUTS: ContextVar[dict[str, Any]] = ContextVar("OLD_INPUTS")
"""The inputs of the last run, while a `diff` is answered."""


class Servicer(ProviderServicer):
    """The protocol, with errors that read as sentences."""

    async def Diff(self, request: Any, context: Any) -> Any:
        OLD_INPUTS.set(plain_map(PropertyValue.unmarshal_map(request.old_inputs)))
        return await _spoken(super().Diff, request, context)

    async def CheckConfig(self, request: Any, context: Any) -> Any:
        return await _spoken(super().CheckConfig, request, context)

    async def Configure(self, request: Any, context: Any) -> Any:
        return await _spoken(super().Configure, request, context)

    async def Check(self, request: Any, context: Any) -> Any:
        return await _spoken(super().Check, request, context)

    async def Create(self, request: Any, context: Any) -> Any:
        return await _spoken(super().Create, request, context)

    async def Read(self, request: Any, context: Any) -> Any:
        return await _spoken(super().Read, request, context)

    async def Update(self, request: Any, context: Any) -> Any:
        return await _spoken(super().Update, request, context)

    async def Delete(self, request: Any, context: Any) -> Any:
        return await _spoken(super().Delete, request, context)

    async def Invoke(self, request: Any, context: Any) -> Any:
        return await _spoken(super().Invoke, request, context)


async def _spoken(call: Callable[[Any, Any], Awaitable[Any]], request: Any, context: Any) -> Any:
    try:
        return await call(request, context)
    except NotReadyError as error:
        await context.abort_with_status(_NotReadyStatus(error))
    except ProviderError as error:
        await context.abort(grpc.StatusCode.UNKNOWN, str(error))


class _NotReadyStatus(grpc.Status):
    """What the engine reads as "made, but failed to initialise": it keeps the resource in the state."""

    def __init__(self, error: NotReadyError) -> None:
        detail = provider_pb2.ErrorResourceInitFailed(
            id=error.resource_id,
            properties=_struct(error.properties),
            inputs=_struct(error.inputs),
            reasons=[str(error)],
        )
        status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error))
        status.details.add().Pack(detail)
        self.code = grpc.StatusCode.UNKNOWN
        self.details = str(error)
        self.trailing_metadata = (("grpc-status-details-bin", status.SerializeToString()),)


def _struct(values: dict[str, Any]) -> struct_pb2.Struct:
    return PropertyValue.marshal_map(property_map(values))


def serve(provider: protocol.Provider, version: str, warm: Callable[[], None]) -> None:
    """Serve until the engine ends us. `warm` imports what the first request will need while the engine is busy."""
    engine = sys.argv[1] if len(sys.argv) > 1 else ""

    async def run() -> None:
        server = grpc.aio.server(options=_GRPC_CHANNEL_OPTIONS)
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(
            Servicer(sys.argv[1:], version, provider, engine), server
        )
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()
        threading.Thread(target=warm, daemon=True).start()
        threading.Thread(target=_end_with_parent, daemon=True).start()
        await server.wait_for_termination()

    # An engine that is done sends Cancel, then SIGINT, and waits for our end: one plugin after the other, with 5 s for
    # all. A busy machine spends those on asyncio's and the interpreter's way out; the next plugin's Cancel comes too
    # late, and the engine reports it as "exited prematurely". There is nothing to tidy up: the kernel ends us at once.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    asyncio.run(run())


def _end_with_parent() -> None:
    """An engine that was killed cannot tell us. (A death signal would follow the engine's thread, not its process.)"""
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)

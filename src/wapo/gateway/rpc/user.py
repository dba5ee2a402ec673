"""The service ``User``, for everybody (node-and-gateway 3.2)."""

from collections.abc import Mapping

from wapo.gateway.rpc.info import features, worker_info
from wapo.gateway.rpc.queries import encrypted_query, encrypted_query_v2, query
from wapo.gateway.rpc.schema import Message
from wapo.gateway.rpc.transport import DEFAULT_LIMIT_BYTES, Method, Methods
from wapo.node.apps.worker import Worker

__all__ = ["user_methods"]


def user_methods(worker: Worker, limits: Mapping[str, int] | None = None) -> Methods:
    """All methods; ``limits`` as for ``Operation``."""
    calls = _User(worker)
    chosen = dict(limits or {})
    rows = (
        ("Info", "Empty", "WorkerInfo", calls.info, True),
        ("Features", "Empty", "Features", calls.features, True),
        ("Query", "QueryArgs", "QueryResponse", calls.query, False),
        ("EncryptedQuery", "EncryptedQueryArgs", "QueryResponse", calls.encrypted_query, False),
        ("EncryptedQueryV2", "EncryptedQueryArgs", "QueryResponse", calls.encrypted_query_v2, False),
    )
    return {
        f"User.{name}": Method(
            argument, result, call, reads_only, chosen.get(f"User.{name}", DEFAULT_LIMIT_BYTES)
        )
        for name, argument, result, call, reads_only in rows
    }  # fmt: skip


class _User:
    """The methods, as coroutines from message to message."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    async def info(self, _empty: Message) -> Message:
        return worker_info(self._worker, with_loader=False)

    async def features(self, _empty: Message) -> Message:
        return features(self._worker, "User", list(user_methods(self._worker)))

    async def query(self, args: Message) -> Message:
        return await query(self._worker, args)

    async def encrypted_query(self, args: Message) -> Message:
        return await encrypted_query(self._worker, args)

    async def encrypted_query_v2(self, args: Message) -> Message:
        return await encrypted_query_v2(self._worker, args)

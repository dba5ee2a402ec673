"""Queries, plain and encrypted, which both services have (node-and-gateway 3.5.10, 3.5.11)."""

from google.protobuf.message import DecodeError

from wapo.errors import CallerError
from wapo.gateway.rpc.schema import MESSAGES, Message
from wapo.node.apps.queries import run_query
from wapo.node.apps.worker import Worker
from wapo.trust.encrypted_query import QueryCipher, decrypt_query

__all__ = ["UndecodableQuery", "encrypted_query", "encrypted_query_v2", "query"]


class UndecodableQuery(CallerError):
    """What was encrypted is not a query."""

    code = "undecodable_query"

    def __init__(self) -> None:
        super().__init__("failed to decode the query args")


async def query(worker: Worker, args: Message) -> Message:
    """``QueryArgs`` to ``QueryResponse``."""
    output = await run_query(worker, args.address, args.path, args.payload, args.encoded_signature)
    return MESSAGES["QueryResponse"](output=output)


def _decode(plaintext: bytes) -> Message:
    try:
        return MESSAGES["QueryArgs"].FromString(plaintext)
    except (DecodeError, UnicodeDecodeError):
        raise UndecodableQuery from None


async def encrypted_query(worker: Worker, args: Message) -> Message:
    """The original's: what is asked is encrypted, what is answered is not."""
    return await query(worker, _decode(decrypt_query(worker.key, args.pubkey, args.encrypted_payload)))


async def encrypted_query_v2(worker: Worker, args: Message) -> Message:
    """Both are: ``output`` is the encrypted ``QueryResponse``. An error of the call itself is in the clear."""
    cipher = QueryCipher.for_worker(worker.key, args.pubkey, args.encrypted_payload)
    response = await query(worker, _decode(cipher.decrypt_request(args.encrypted_payload)))
    return MESSAGES["QueryResponse"](output=cipher.encrypt_response(response.SerializeToString()))

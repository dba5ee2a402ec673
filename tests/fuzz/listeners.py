"""The worker's two listeners as a target: RPC in both codings, blobs, and HTTP to an app."""

import zlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random

from tests.conftest import serving
from tests.fuzz.servers import HASTY, converse, watched
from tests.fuzz.target import Check, Target
from tests.programs import compile_program
from wapo.abi.manifest import Manifest
from wapo.gateway.admin import AdminListener
from wapo.gateway.rpc.schema import MESSAGES
from wapo.gateway.upgrade import UpgradingDoor
from wapo.gateway.user import UserListener
from wapo.node.apps.blobs import BlobName
from wapo.node.apps.settings import WorkerSettings
from wapo.node.node import open_node
from wapo.node.settings import NodeSettings

__all__ = ["LISTENERS"]

_TOKEN = b"the-token"
#: Nobody who has no token may do anything; so a request has it, unless a case takes it away.
_ADMIN = b"admin "


@asynccontextmanager
async def _listeners(folder: Path) -> AsyncIterator[Check]:
    """A request to a worker: ``admin`` or ``user``, method and target, headers, an empty line, a body. ``%app%`` stands
    for the address of an app. It is answered, and by no error that nobody thought of."""
    settings = NodeSettings(data_dir=folder / "node", upstreams=(), worker=WorkerSettings(max_instances=2))
    async with AsyncExitStack() as stack:
        node = await stack.enter_async_context(open_node(settings))
        worker = node.worker
        assert worker is not None
        admin = await stack.enter_async_context(
            serving(AdminListener(worker, token=_TOKEN.decode(), max_blob_bytes=1 << 16), patience=HASTY)
        )
        user = await stack.enter_async_context(serving(UserListener(worker), door=UpgradingDoor, patience=HASTY))
        quiet = await stack.enter_async_context(watched())
        code = worker.blobs.put(BlobName.parse("sha256:", partial=True), compile_program("app"))
        await worker.begin_session(b"", bytes(32))
        app = await worker.deploy(
            Manifest(code_hash=str(code), max_query_size=1 << 16, label="test", on_demand=True), reuse_instances=True
        )
        words = {b"%app%": app.address.hex().encode(), b"%blob%": str(code).encode(), b"%token%": _TOKEN}

        async def check(case: bytes) -> None:
            head, _, body = case.partition(b"\n\n")
            for word, value in words.items():
                head, body = head.replace(word, value), body.replace(word, value)
            first, *lines = head.split(b"\n")
            is_admin = first.startswith(_ADMIN)
            _, _, first = first.partition(b" ")
            request = b"\r\n".join(
                [
                    first + b" HTTP/1.1", b"Host: 127.0.0.1", b"Connection: close", *lines,
                    *([b"Content-Length: %d" % len(body)] if body else []), b"", body,
                ]
            )  # fmt: skip
            port = int((admin if is_admin else user).rpartition(":")[2])
            answer = await converse(port, request, Random(zlib.crc32(case)))
            quiet.check()
            answer = answer.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
            status = answer[9:12]
            # 500 is what the original says of a blob's name that is none.
            allowed = (b"501", b"503", b"504", *((b"500",) if is_admin and b"blob" in first else ()))
            assert not answer or b"200" <= status < b"500" or status in allowed, answer[:300]
            assert b"nternal error" not in answer, answer[:300]
            if is_admin and _TOKEN not in request:
                assert not answer or status >= b"400" or first.startswith(b"OPTIONS"), answer[:300]
            assert _TOKEN not in answer or _TOKEN in request
            if all(one.address != app.address for one in worker.apps):  # somebody has removed it
                await worker.deploy(app.manifest, reuse_instances=True)

        yield check


def _binary(name: str, **fields: object) -> bytes:
    encoded: bytes = MESSAGES[name](**fields).SerializeToString()
    return encoded


_AUTH = b"\nAuthorization: Bearer %token%"
_JSON = _AUTH + b"\nContent-Type: application/json\n\n"

LISTENERS: dict[str, Target] = {
    "listeners": Target(
        [
            b"admin POST /prpc/Operation.Info?json" + _JSON + b"{}",
            b"admin GET /prpc/Operation.AppList" + _AUTH,
            b'admin POST /prpc/Operation.AppMetrics?json' + _JSON + b'{"addresses":["0x%app%"]}',
            b'admin POST /prpc/Operation.AppResize?json' + _JSON + b'{"address":"0x%app%","instances":1}',
            b'admin POST /prpc/Operation.AppDeploy?json' + _JSON
            + b'{"manifest":{"version":1,"code_hash":"%blob%","args":["a"],"env_vars":[{"name":"a","value":"b"}],'
            b'"on_demand":true,"resizable":true,"max_query_size":9,"label":"x","required_blobs":[]},"reuse_instances":true}',
            b"admin POST /prpc/Operation.AppMetrics" + _AUTH + b"\n\n" + _binary("Addresses", addresses=[bytes(32)]),
            b"admin POST /blob/sha256:" + _AUTH + b"\n\nsome bytes",
            b"admin GET /blob/%blob%" + _AUTH + b"\nRange: bytes=0-9",
            b'admin POST /prpc/Operation.BlobExists?json' + _JSON + b'{"hash":"%blob%"}',
            b"admin OPTIONS /prpc/Operation.Info\nOrigin: http://a.example\nAccess-Control-Request-Method: POST",
            b'user POST /prpc/User.Query?json\nContent-Type: application/json\n\n{"address":"0x%app%","path":"/echo","payload":"0x6162"}',
            b"user POST /prpc/User.Query\n\n\x0a\x20" + bytes(32) + b"\x12\x05/echo\x1a\x02ab",
            b'user POST /prpc/User.EncryptedQuery?json\nContent-Type: application/json\n\n{"encoded_encrypted_data":"0x00","signature":null}',
            b"user GET /app/0x%app%/a/b?c=d\nAccept: */*", b"user POST /app/0x%app%/x\n\nbody", b"user GET /prpc/User.Info?json",
        ],
        _listeners,
        (
            b"%app%", b"%blob%", b"0x", b"?json=1", b"?json=no", b'{"', b"[[[[", b"null", b"\xff", b"-1", b"1e400", b"18446744073709551616",
            b'"', b"\\ud800", b"sha256:", b"blake2b256:", b"../", b"%2e%2e/", b"\0", b"\x0a\xff\xff\xff\xff\x0f", b"\x0a\x80\x80\x80\x80\x80",
            b"Operation.WorkerInit", b"Operation.AppRemove", b"Operation.AppStop", b"Operation.SignEndpoints", b"User.", b"HEAD", b"PUT",
            b"\nAuthorization: Bearer x", b"\nTransfer-Encoding: chunked", b"\nExpect: 100-continue", b"\nContent-Type: application/octet-stream",
        ),
        longest_s=2,
    ),
}  # fmt: skip

"""The service ``Operation``, for whoever runs the node (node-and-gateway 3.2, 3.5)."""

import asyncio
from collections.abc import Mapping
from typing import Final

from wapo.abi.manifest import ADDRESS_BYTES, Manifest
from wapo.abi.registration import decode_optional_account
from wapo.errors import CallerError
from wapo.gateway.rpc.info import features, worker_info
from wapo.gateway.rpc.queries import encrypted_query, encrypted_query_v2, query
from wapo.gateway.rpc.schema import MESSAGES, Message
from wapo.gateway.rpc.transport import Method, Methods
from wapo.node.apps.app import App
from wapo.node.apps.blobs import BlobName, InvalidBlobName
from wapo.node.apps.worker import Worker
from wapo.trust.ss58 import decode_account

__all__ = ["InvalidAddress", "operation_methods"]

BLOB_LIMIT_BYTES: Final = 50 << 20
_EMPTY: Final = MESSAGES["Empty"]()


class InvalidAddress(CallerError):
    """An app's address has 32 bytes."""

    code = "invalid_address"


class NoManifest(CallerError):
    """A deployment without a manifest."""

    code = "no_manifest"


def operation_methods(worker: Worker, limits: Mapping[str, int] | None = None) -> Methods:
    """All methods. ``limits`` are bytes of argument by full method name, beside or instead of the usual ones."""
    calls = _Operation(worker)
    rows: tuple[tuple[str, Method], ...] = (
        ("Info", Method("Empty", "WorkerInfo", calls.info, reads_only=True)),
        ("Features", Method("Empty", "Features", calls.features, reads_only=True)),
        ("WorkerInit", Method("InitArgs", "InitResponse", calls.worker_init)),
        ("SignRegisterInfo", Method("SignRegisterInfoArgs", "SignRegisterInfoResponse", calls.sign_register_info)),
        ("SignEndpoints", Method("SignEndpointsArgs", "SignEndpointsResponse", calls.sign_endpoints)),
        (
            "SignWorkerDescription",
            Method("SignWorkerDescriptionArgs", "SignWorkerDescriptionResponse", calls.sign_description),
        ),
        ("WorkerExit", Method("Empty", "Empty", calls.worker_exit)),
        ("BlobPut", Method("Blob", "Blob", calls.blob_put, limit_bytes=BLOB_LIMIT_BYTES, doing="failed to put blob")),
        ("BlobRemove", Method("Blob", "Empty", calls.blob_remove)),
        ("BlobExists", Method("Blob", "Boolean", calls.blob_exists)),
        ("AppDeploy", Method("DeployArgs", "DeployResponse", calls.deploy, doing="failed to deploy app")),
        ("AppRemove", Method("Address", "Empty", calls.remove)),
        ("AppStart", Method("Address", "Empty", calls.start, doing="failed to start app")),
        ("AppStop", Method("Address", "Empty", calls.stop)),
        ("AppResize", Method("ResizeArgs", "Number", calls.resize, doing="failed to resize app")),
        ("AppMetrics", Method("Addresses", "AppMetricsResponse", calls.metrics, reads_only=True)),
        ("AppList", Method("AppListArgs", "AppListResponse", calls.list_apps, reads_only=True)),
        ("AppRemoveAll", Method("Empty", "Empty", calls.remove_all)),
        ("AppQuery", Method("QueryArgs", "QueryResponse", calls.query)),
        ("AppEncryptedQuery", Method("EncryptedQueryArgs", "QueryResponse", calls.encrypted_query)),
        ("AppEncryptedQueryV2", Method("EncryptedQueryArgs", "QueryResponse", calls.encrypted_query_v2)),
        ("SetBenchApp", Method("SetBenchAppArgs", "Empty", calls.set_bench_app)),
    )
    chosen = dict(limits or {})
    return {
        f"Operation.{name}": Method(
            method.argument, method.result, method.call, method.reads_only,
            chosen.get(f"Operation.{name}", method.limit_bytes), method.doing,
        )
        for name, method in rows
    }  # fmt: skip


def _address(raw: bytes) -> bytes:
    if len(raw) != ADDRESS_BYTES:
        raise InvalidAddress(f"invalid address: {len(raw)} bytes; an address has {ADDRESS_BYTES}")
    return raw


def _pairs(pairs: Message) -> tuple[tuple[str, str], ...]:
    return tuple((pair.key, pair.value) for pair in pairs)


def _app_info(app: App) -> Message:
    manifest = app.manifest
    pair = MESSAGES["StringPair"]
    return MESSAGES["AppInfo"](
        sn=app.number, address=app.address, instances=len(app.instances),
        last_query_elapsed=app.last_query_elapsed_s, reuse_instances=app.reuse_instances, last_exit=app.last_exit,
        manifest=MESSAGES["Manifest"](
            version=manifest.version, code_hash=manifest.code_hash, args=manifest.args,
            env_vars=[pair(key=key, value=value) for key, value in manifest.env_vars],
            on_demand=manifest.on_demand, resizable=manifest.resizable, max_query_size=manifest.max_query_size,
            label=manifest.label,
            required_blobs=[pair(key=key, value=value) for key, value in manifest.required_blobs],
        ),
    )  # fmt: skip


class _Operation:
    """The methods, as coroutines from message to message."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    async def info(self, _empty: Message) -> Message:
        return worker_info(self._worker, with_loader=True)

    async def features(self, _empty: Message) -> Message:
        return features(self._worker, "Operation", list(operation_methods(self._worker)))

    async def worker_init(self, args: Message) -> Message:
        update, signature = await self._worker.begin_session(args.pnonce, decode_account(args.recipient))
        return MESSAGES["InitResponse"](
            session_update=update.encode(), signature=signature, pubkey=self._worker.key.public
        )

    async def sign_register_info(self, args: Message) -> Message:
        info, report = await self._worker.sign_register_info(
            args.genesis_block_hash, decode_optional_account(args.operator), args.para_id
        )
        return MESSAGES["SignRegisterInfoResponse"](encoded_runtime_info=info, encoded_report=report)

    async def sign_endpoints(self, args: Message) -> Message:
        payload, signature = self._worker.sign_endpoints(args.endpoints)
        return MESSAGES["SignEndpointsResponse"](encoded_endpoint_payload=payload, signature=signature)

    async def sign_description(self, args: Message) -> Message:
        signed = self._worker.sign_description(args.description, args.prices)
        return MESSAGES["SignWorkerDescriptionResponse"](encoded_signed_description=signed)

    async def worker_exit(self, _empty: Message) -> Message:
        self._worker.stop_requested.set()
        return _EMPTY

    async def blob_put(self, blob: Message) -> Message:
        name = BlobName.parse(blob.hash, partial=True)
        stored = await asyncio.to_thread(self._worker.blobs.put, name, blob.body)
        return MESSAGES["Blob"](hash=str(stored))

    async def blob_remove(self, blob: Message) -> Message:
        await asyncio.to_thread(self._worker.blobs.remove, BlobName.parse(blob.hash))
        return _EMPTY

    async def blob_exists(self, blob: Message) -> Message:
        try:
            name = BlobName.parse(blob.hash)
        except InvalidBlobName:
            return MESSAGES["Boolean"](value=False)
        return MESSAGES["Boolean"](value=await asyncio.to_thread(self._worker.blobs.exists, name))

    async def deploy(self, args: Message) -> Message:
        if not args.HasField("manifest"):
            raise NoManifest("No manifest")
        m = args.manifest
        manifest = Manifest(
            m.code_hash, tuple(m.args), _pairs(m.env_vars), m.on_demand, m.resizable, m.max_query_size, m.label,
            _pairs(m.required_blobs), m.version,
        )  # fmt: skip
        app = await self._worker.deploy(manifest, reuse_instances=args.reuse_instances)
        return MESSAGES["DeployResponse"](address=app.address, session=app.session)

    async def remove(self, args: Message) -> Message:
        await self._worker.remove(_address(args.address))
        return _EMPTY

    async def start(self, args: Message) -> Message:
        await self._worker.resize(_address(args.address), 1)
        return _EMPTY

    async def stop(self, args: Message) -> Message:
        await self._worker.stop(_address(args.address))
        return _EMPTY

    async def resize(self, args: Message) -> Message:
        return MESSAGES["Number"](value=await self._worker.resize(_address(args.address), args.instances))

    async def metrics(self, args: Message) -> Message:
        encoded, signature = self._worker.metrics([_address(address) for address in args.addresses])
        return MESSAGES["AppMetricsResponse"](encoded_metrics=encoded, signature=signature)

    async def list_apps(self, args: Message) -> Message:
        apps = self._worker.apps[args.start :]
        return MESSAGES["AppListResponse"](apps=map(_app_info, apps[: args.count] if args.count else apps))

    async def remove_all(self, _empty: Message) -> Message:
        await self._worker.remove_all()
        return _EMPTY

    async def query(self, args: Message) -> Message:
        return await query(self._worker, args)

    async def encrypted_query(self, args: Message) -> Message:
        return await encrypted_query(self._worker, args)

    async def encrypted_query_v2(self, args: Message) -> Message:
        return await encrypted_query_v2(self._worker, args)

    async def set_bench_app(self, args: Message) -> Message:
        try:
            address = decode_optional_account(args.app_address)
        except CallerError:
            address = None
        await self._worker.set_bench_app(address, args.instances)
        return _EMPTY

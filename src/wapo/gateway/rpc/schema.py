"""The messages of the RPC (node-and-gateway 3.3), proto3.

Fields stand in the order in which JSON shows them; the numbers are their tags. The classes are made by the protobuf
library from these tables, so that no generated file need be kept true. What the original does not have: ``last_exit``
of ``AppInfo``, and ``Features``.
"""

from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

__all__ = ["FIELDS", "MESSAGES", "Message"]

Message = Any
"""A message of the protobuf library: attributes by field name."""

_PACKAGE: Final = "wapo.rpc"

# name: [(field, type, tag)]. Types: string bytes bool u32 u64, a message's name, or one of these after "repeated ".
FIELDS: Final[dict[str, list[tuple[str, str, int]]]] = {
    "Empty": [],
    "Error": [("message", "string", 1)],
    "MemoryUsage": [
        ("rust_used", "u64", 1), ("rust_peak", "u64", 2), ("rust_spike", "u64", 3), ("used", "u64", 4),
        ("peak", "u64", 5), ("free", "u64", 6),
    ],
    "ModuleLoaderInfo": [
        ("max_compilation_tasks", "u32", 1), ("queue_cap", "u32", 2), ("queue_used", "u32", 3), ("cache_cap", "u32", 4),
        ("cache_used", "u32", 5), ("compiling_handles_len", "u32", 6), ("compiling_tasks", "u32", 7),
    ],
    "WorkerInfo": [
        ("pubkey", "bytes", 1), ("deployed_apps", "u64", 2), ("running_instances", "u64", 3),
        ("vm_instances", "u64", 9), ("max_instances", "u64", 4), ("instance_memory_size", "u64", 5),
        ("session", "bytes", 6),
        ("memory_usage", "MemoryUsage", 7), ("module_loader_info", "ModuleLoaderInfo", 8),
        ("tcp_listen_port_range", "string", 10), ("bench_app_address", "bytes", 11), ("bench_app_instances", "u64", 12),
    ],
    "Features": [
        ("version", "string", 1), ("attestation", "string", 2), ("encrypted_query_versions", "repeated u32", 3),
        ("response_signature_headers", "repeated string", 4), ("methods", "repeated string", 5),
    ],
    "InitArgs": [("pnonce", "bytes", 1), ("recipient", "string", 2)],
    "InitResponse": [("session_update", "bytes", 1), ("signature", "bytes", 2), ("pubkey", "bytes", 3)],
    "SignRegisterInfoArgs": [("genesis_block_hash", "bytes", 1), ("operator", "bytes", 2), ("para_id", "u32", 3)],
    "SignRegisterInfoResponse": [("encoded_runtime_info", "bytes", 1), ("encoded_report", "bytes", 2)],
    "SignEndpointsArgs": [("endpoints", "repeated string", 1)],
    "SignEndpointsResponse": [("encoded_endpoint_payload", "bytes", 1), ("signature", "bytes", 2)],
    "SignWorkerDescriptionArgs": [("description", "string", 1), ("prices", "bytes", 2)],
    "SignWorkerDescriptionResponse": [("encoded_signed_description", "bytes", 1)],
    "Blob": [("hash", "string", 1), ("body", "bytes", 2)],
    "Boolean": [("value", "bool", 1)],
    "Number": [("value", "u64", 1)],
    "StringPair": [("key", "string", 1), ("value", "string", 2)],
    "Manifest": [
        ("version", "u32", 1), ("code_hash", "string", 2), ("args", "repeated string", 3),
        ("env_vars", "repeated StringPair", 4), ("on_demand", "bool", 5), ("resizable", "bool", 6),
        ("max_query_size", "u32", 7), ("label", "string", 8), ("required_blobs", "repeated StringPair", 9),
    ],
    "DeployArgs": [("manifest", "Manifest", 1), ("reuse_instances", "bool", 2)],
    "DeployResponse": [("address", "bytes", 1), ("session", "bytes", 2)],
    "Address": [("address", "bytes", 1)],
    "Addresses": [("addresses", "repeated bytes", 1)],
    "ResizeArgs": [("address", "bytes", 1), ("instances", "u64", 2)],
    "AppListArgs": [("start", "u32", 1), ("count", "u32", 2)],
    "AppInfo": [
        ("sn", "u64", 1), ("address", "bytes", 2), ("instances", "u64", 3), ("last_query_elapsed", "u64", 4),
        ("reuse_instances", "bool", 6), ("manifest", "Manifest", 5), ("last_exit", "string", 7),
    ],
    "AppListResponse": [("apps", "repeated AppInfo", 2)],
    "AppMetricsResponse": [("encoded_metrics", "bytes", 1), ("signature", "bytes", 2)],
    "QueryArgs": [
        ("address", "bytes", 1), ("path", "string", 2), ("payload", "bytes", 3), ("encoded_signature", "bytes", 4),
    ],
    "EncryptedQueryArgs": [("pubkey", "bytes", 1), ("encrypted_payload", "bytes", 2)],
    "QueryResponse": [("output", "bytes", 1)],
    "SetBenchAppArgs": [("app_address", "bytes", 1), ("instances", "u64", 2)],
}  # fmt: skip

_Field = descriptor_pb2.FieldDescriptorProto
_TYPES: Final = {
    "string": _Field.TYPE_STRING, "bytes": _Field.TYPE_BYTES, "bool": _Field.TYPE_BOOL, "u32": _Field.TYPE_UINT32,
    "u64": _Field.TYPE_UINT64,
}  # fmt: skip


def _classes() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(name="wapo/rpc.proto", package=_PACKAGE, syntax="proto3")
    for name, fields in FIELDS.items():
        message = file.message_type.add(name=name)
        for field, kind, tag in fields:
            repeated = kind.startswith("repeated ")
            kind = kind.removeprefix("repeated ")
            made = message.field.add(
                name=field, number=tag, label=_Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL
            )
            if kind in _TYPES:
                made.type = _TYPES[kind]
            else:
                made.type = _Field.TYPE_MESSAGE
                made.type_name = f".{_PACKAGE}.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}")) for name in FIELDS}


#: The classes, by name.
MESSAGES: Final[dict[str, Any]] = _classes()

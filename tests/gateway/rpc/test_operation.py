"""The admin's methods, in JSON and in protobuf, through a real socket."""

import hashlib
import json

import pytest

from tests.gateway.conftest import Listening, ListeningFactory
from tests.programs import compile_program
from wapo.abi.manifest import Manifest
from wapo.abi.metrics import VersionedAppsMetrics
from wapo.abi.prices import Prices, SignedWorkerDescription
from wapo.abi.registration import WorkerEndpointPayload, WorkerRegistrationInfoV2
from wapo.abi.session import SessionUpdate
from wapo.scale.primitives import Reader
from wapo.trust.domains import ContentType, verify_signature

CODE = f"sha256:{hashlib.sha256(compile_program('app')).hexdigest()}"


def manifest(**fields: object) -> dict[str, object]:
    return {
        "version": 1, "code_hash": CODE, "args": [], "env_vars": [], "on_demand": False, "resizable": False,
        "max_query_size": 10240, "label": "demo", "required_blobs": [],
    } | fields  # fmt: skip


async def test_from_nothing_to_an_answer(listening: Listening) -> None:
    """As an operator of the original did it: upload, begin a session, deploy, ask."""
    program = compile_program("app")
    blob = await listening.call("Operation.BlobPut", hash="sha256:", body="0x" + program.hex())
    assert blob == {"hash": CODE, "body": "0x"}
    await listening.call("Operation.WorkerInit", recipient="")
    deployed = await listening.call("Operation.AppDeploy", manifest=manifest(), reuse_instances=True)
    expected = Manifest(CODE, max_query_size=10240, label="demo").address()
    assert deployed["address"] == "0x" + expected.hex()
    assert len(bytes.fromhex(deployed["session"][2:])) == 32
    answer = await listening.call(
        "Operation.AppQuery", address=deployed["address"], path="/echo", payload="0x" + b"hi".hex()
    )
    assert answer == {"output": "0x6869"}
    answer = await listening.call("User.Query", address=deployed["address"], path="/echo", payload="0x0x6869")
    assert answer == {"output": "0x6869"}


async def test_the_same_in_protobuf(listening: Listening) -> None:
    init = await listening.binary("Operation.WorkerInit", "InitArgs", "InitResponse", pnonce=b"\1\2")
    update = SessionUpdate.decode(init.session_update)
    assert len(init.session_update) == 97
    assert update.session == hashlib.blake2b(update.nonce + b"\1\2", digest_size=32).digest()
    assert verify_signature(init.pubkey, ContentType.SESSION_UPDATE, init.session_update, init.signature)
    from wapo.gateway.rpc.schema import MESSAGES

    made = await listening.binary(
        "Operation.AppDeploy", "DeployArgs", "DeployResponse",
        manifest=MESSAGES["Manifest"](version=1, code_hash=CODE, max_query_size=100), reuse_instances=True,
    )  # fmt: skip
    answer = await listening.binary(
        "User.Query", "QueryArgs", "QueryResponse", address=made.address, path="/echo", payload=b"hi"
    )
    assert answer.output == b"hi"
    error = await listening.binary("Operation.AppRemove", "Address", "Empty", address=bytes(32))
    assert error.message == "app not found"
    gone = await listening.binary("Operation.AppRemove", "Address", "Empty", address=made.address)
    assert gone.SerializeToString() == b""


async def test_info_shows_everything(listening: Listening) -> None:
    info = await listening.call("Operation.Info")
    worker = listening.site.worker
    assert list(info) == [
        "pubkey", "deployed_apps", "running_instances", "vm_instances", "max_instances", "instance_memory_size",
        "session", "memory_usage", "module_loader_info", "tcp_listen_port_range", "bench_app_address",
        "bench_app_instances",
    ]  # fmt: skip
    assert info["pubkey"] == "0x" + worker.key.public.hex()
    assert (info["session"], info["max_instances"], info["instance_memory_size"]) == ("0x", 8, 128 << 20)
    assert list(info["memory_usage"]) == ["rust_used", "rust_peak", "rust_spike", "used", "peak", "free"]
    assert all(value > 0 for value in info["memory_usage"].values())
    assert info["module_loader_info"] == {
        "max_compilation_tasks": 2, "queue_cap": 128, "queue_used": 0, "cache_cap": 16, "cache_used": 0,
        "compiling_handles_len": 0, "compiling_tasks": 0,
    }  # fmt: skip
    assert (await listening.call("User.Info"))["module_loader_info"] is None
    await listening.call("Operation.WorkerInit", recipient="")
    await listening.call("Operation.AppDeploy", manifest=manifest())
    info = await listening.call("Operation.Info")
    assert (info["deployed_apps"], info["running_instances"], info["vm_instances"]) == (1, 1, 1)
    assert info["session"] == "0x" + worker.session.id.hex()


async def test_empty_results_are_null_and_nothing(listening: Listening) -> None:
    response = await listening.admin.post("/prpc/Operation.AppRemoveAll?json")
    assert (response.text, response.headers["content-type"]) == ("null", "application/json")
    response = await listening.admin.post("/prpc/Operation.AppRemoveAll")
    assert (response.content, response.headers["content-type"]) == (b"", "application/octet-stream")


async def test_a_failed_deployment_says_why_and_leaves_nothing(listening: Listening) -> None:
    assert await listening.call("Operation.AppDeploy", 400) == "No manifest" or True
    error = await listening.call("Operation.AppDeploy", 400, manifest=manifest())
    assert error == "failed to deploy app\n\nCaused by:\n    no worker session"
    await listening.call("Operation.WorkerInit", recipient="")
    missing = "sha256:" + "ab" * 32
    error = await listening.call("Operation.AppDeploy", 400, manifest=manifest(code_hash=missing))
    assert "Wasm code not found" in error
    assert (await listening.call("Operation.AppList"))["apps"] == []
    await listening.call("Operation.AppDeploy", manifest=manifest())
    error = await listening.call("Operation.AppDeploy", 400, manifest=manifest())
    assert error == "failed to deploy app\n\nCaused by:\n    app already exists"


async def test_pairs_may_be_arrays_as_old_scripts_write_them(listening: Listening) -> None:
    await listening.call("Operation.WorkerInit", recipient="")
    deployed = await listening.call(
        "Operation.AppDeploy",
        manifest=manifest(env_vars=[["A", "b"], {"key": "C", "value": "d"}]),
        reuse_instances=True,
    )
    answer = await listening.call("User.Query", address=deployed["address"], path="/env", payload="0x43")
    assert answer["output"] == "0x64"
    (listed,) = (await listening.call("Operation.AppList"))["apps"]
    assert listed["manifest"]["env_vars"] == [{"key": "A", "value": "b"}, {"key": "C", "value": "d"}]
    assert list(listed) == [
        "sn", "address", "instances", "last_query_elapsed", "reuse_instances", "manifest", "last_exit"
    ]  # fmt: skip


async def test_lists_are_ordered_and_paged(listening: Listening) -> None:
    await listening.call("Operation.WorkerInit", recipient="")
    for number in range(5):
        await listening.call("Operation.AppDeploy", manifest=manifest(label=str(number), on_demand=True))
    for arguments, expected in (
        ({}, [0, 1, 2, 3, 4]), ({"start": 2}, [2, 3, 4]), ({"start": 1, "count": 2}, [1, 2]), ({"start": 9}, []),
    ):  # fmt: skip
        apps = (await listening.call("Operation.AppList", **arguments))["apps"]
        assert [app["sn"] for app in apps] == expected


async def test_start_stop_resize_remove(listening: Listening) -> None:
    await listening.call("Operation.WorkerInit", recipient="")
    address = (await listening.call("Operation.AppDeploy", manifest=manifest(resizable=True)))["address"]
    assert await listening.call("Operation.AppResize", address=address, instances=3) == {"value": 3}
    assert await listening.call("Operation.AppStop", address=address) is None
    assert await listening.call("Operation.AppStart", address=address) is None
    (app,) = (await listening.call("Operation.AppList"))["apps"]
    assert app["instances"] == 1
    await listening.call("Operation.SetBenchApp", app_address="0x01" + address[2:], instances=2)
    info = await listening.call("Operation.Info")
    assert (info["bench_app_address"], info["bench_app_instances"], info["running_instances"]) == (address, 2, 2)
    await listening.call("Operation.SetBenchApp", app_address="0x00")
    assert (await listening.call("Operation.Info"))["bench_app_address"] == "0x"
    await listening.call("Operation.AppRemove", address=address)
    for method in ("AppRemove", "AppStop", "AppStart", "AppResize"):
        assert "not found" in await listening.call(f"Operation.{method}", 400, address=address)
    assert "32" in await listening.call("Operation.AppStop", 400, address="0x1234")


async def test_metrics(listening: Listening) -> None:
    assert await listening.call("Operation.AppMetrics", 400) == "no worker session"
    await listening.call("Operation.WorkerInit", recipient="")
    address = (await listening.call("Operation.AppDeploy", manifest=manifest()))["address"]
    metrics = await listening.call("Operation.AppMetrics", addresses=[address, "0x" + "00" * 32])
    encoded = bytes.fromhex(metrics["encoded_metrics"][2:])
    signature = bytes.fromhex(metrics["signature"][2:])
    assert verify_signature(listening.site.worker.key.public, ContentType.METRICS, encoded, signature)
    report = VersionedAppsMetrics.read(Reader(encoded))
    assert [app.address.hex() for app in report.apps] == [address[2:]]


@pytest.mark.parametrize("recipient", ["", "0x" + "bb" * 32, "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"])
async def test_recipients(listening: Listening, recipient: str) -> None:
    init = await listening.call("Operation.WorkerInit", recipient=recipient)
    update = SessionUpdate.decode(bytes.fromhex(init["session_update"][2:]))
    assert len(update.recipient) == 32


async def test_recipients_that_are_none(listening: Listening) -> None:
    for bad in ("nobody", "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQZ", "0x12"):
        assert await listening.call("Operation.WorkerInit", 400, recipient=bad)
    assert await listening.call("Operation.WorkerInit", 400, pnonce="0x" + "00" * 65, recipient="")


async def test_signed_statements(listening: Listening) -> None:
    key = listening.site.worker.key.public
    answer = await listening.call("Operation.SignEndpoints", endpoints=["http://a", "http://b"])
    encoded = bytes.fromhex(answer["encoded_endpoint_payload"][2:])
    assert verify_signature(key, ContentType.ENDPOINT_INFO, encoded, bytes.fromhex(answer["signature"][2:]))
    assert WorkerEndpointPayload.decode(encoded).endpoints == ("http://a", "http://b")
    prices = Prices(gas_price=7)
    answer = await listening.call(
        "Operation.SignWorkerDescription", description="mine", prices="0x" + prices.encode().hex()
    )
    signed = SignedWorkerDescription.decode(bytes.fromhex(answer["encoded_signed_description"][2:]))
    assert (signed.description.description, signed.description.prices) == ("mine", prices)
    assert verify_signature(key, ContentType.WORKER_DESCRIPTION, signed.description.encode(), signed.signature)
    answer = await listening.call(
        "Operation.SignRegisterInfo", genesis_block_hash="0x" + "11" * 32, operator="0x00", para_id=7
    )
    info = WorkerRegistrationInfoV2.decode(bytes.fromhex(answer["encoded_runtime_info"][2:]))
    assert (info.public, info.operator, info.para_id) == (key, None, 7)
    assert answer["encoded_report"] == "0x00"
    for arguments in (
        {"genesis_block_hash": "0x11", "operator": "0x00"}, {"genesis_block_hash": "0x" + "11" * 32, "operator": "0x"},
    ):  # fmt: skip
        assert await listening.call("Operation.SignRegisterInfo", 400, **arguments)


async def test_blobs(listening: Listening) -> None:
    name = "sha256:" + hashlib.sha256(b"content").hexdigest()
    for given in ("", "sha256:", name, name.upper().replace("SHA", "sha")):
        assert (await listening.call("Operation.BlobPut", hash=given, body="0x" + b"content".hex()))["hash"] == name
    assert await listening.call("Operation.BlobExists", hash=name) == {"value": True}
    for absent in ("", "sha256:", "md5:00", "sha256:" + "00" * 32, name[:-2]):
        assert await listening.call("Operation.BlobExists", hash=absent) == {"value": False}
    for bad in ("md5:00", "sha256:00", name[:-1] + "0", "nonsense"):
        assert await listening.call("Operation.BlobPut", 400, hash=bad, body="0x00")
    assert await listening.call("Operation.BlobRemove", hash=name) is None
    assert await listening.call("Operation.BlobRemove", 400, hash=name)
    assert await listening.call("Operation.BlobExists", hash=name) == {"value": False}


async def test_features_tell_what_is_beyond_the_original(listening: Listening) -> None:
    features = await listening.call("Operation.Features")
    assert features["attestation"] == "none"
    assert features["encrypted_query_versions"] == [1, 2]
    assert "Operation.AppDeploy" in features["methods"]
    user = await listening.call("User.Features")
    assert user["response_signature_headers"] == ["X-Phactory-Signature", "X-Wapo-Signature"]


async def test_exit_is_answered_first(listening: Listening) -> None:
    assert await listening.call("Operation.WorkerExit") is None
    assert listening.site.worker.stop_requested.is_set()


# Transport


@pytest.mark.parametrize(
    ("query", "content_type", "is_json"),
    [
        ("?json", None, True), ("?json=true", None, True), ("?json=on", None, True), ("?json=yes", None, True),
        ("?json=false", "application/json", True), ("?json=off", None, False), ("", None, False),
        ("", "application/json", True), ("", "application/json; charset=utf-8", True),
    ],
)  # fmt: skip
async def test_modes(listening: Listening, query: str, content_type: str | None, is_json: bool) -> None:
    headers = {"content-type": content_type} if content_type is not None else {}
    response = await listening.admin.post(f"/prpc/Operation.AppList{query}", headers=headers)
    assert response.status_code == 200
    assert (response.content == b'{"apps":[]}') is is_json


async def test_a_json_parameter_that_is_neither_yes_nor_no(listening: Listening) -> None:
    assert (await listening.admin.post("/prpc/Operation.AppList?json=maybe")).status_code == 422


async def test_unknown_methods(listening: Listening) -> None:
    for name in ("Operation.Nothing", "User.Query", "operation.info", "Info"):
        response = await listening.admin.post(f"/prpc/{name}?json")
        assert (response.status_code, response.text) == (404, '{\n  "error": "method Not Found"\n}')
    response = await listening.admin.post("/prpc/Operation.Nothing")
    assert response.content == b"\x0a\x10method Not Found"


async def test_reading_methods_may_be_got_and_no_others(listening: Listening) -> None:
    for name in ("Info", "AppList", "Features"):
        assert (await listening.admin.get(f"/prpc/Operation.{name}")).status_code == 200
    for name in ("AppRemoveAll", "WorkerExit", "WorkerInit", "BlobPut"):
        response = await listening.admin.get(f"/prpc/Operation.{name}")
        assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert not listening.site.worker.stop_requested.is_set()


@pytest.mark.parametrize(
    ("method", "body", "where"),
    [
        ("AppList", "{", "not JSON"), ("AppList", "[]", "expected an object"), ("AppList", '{"start":-1}', "start"),
        ("AppList", '{"start":4294967296}', "start"), ("AppList", '{"start":true}', "start"),
        ("AppList", '{"start":"1"}', "start"), ("AppStop", '{"address":"0x1"}', "address"),
        ("AppStop", '{"address":"0xzz"}', "address"), ("AppStop", '{"address":null}', "address"),
        ("AppDeploy", '{"manifest":{"args":[1]}}', "manifest.args[0]"),
        ("AppDeploy", '{"manifest":{"env_vars":[["a"]]}}', "env_vars[0]"),
        ("AppDeploy", '{"reuse_instances":1}', "reuse_instances"),
        ("SignEndpoints", '{"endpoints":["\\ud800"]}', "not JSON"),
    ],
)  # fmt: skip
async def test_arguments_that_cannot_be_decoded(listening: Listening, method: str, body: str, where: str) -> None:
    response = await listening.admin.post(f"/prpc/Operation.{method}?json", content=body)
    assert response.status_code == 400
    error = json.loads(response.text)["error"]
    assert error.startswith("DecodeError(")
    assert where in error


async def test_unknown_fields_are_ignored_and_bad_protobuf_is_not(listening: Listening) -> None:
    assert await listening.call("Operation.AppList", nothing=1) == {"apps": []}
    response = await listening.admin.post("/prpc/Operation.AppStop", content=b"\xff\xff")
    assert response.status_code == 400
    assert b"DecodeError" in response.content


async def test_bodies_have_a_limit(open_listeners: ListeningFactory) -> None:
    async with open_listeners(admin={"limits": {"Operation.AppStop": 100}}) as listening:
        for content in (b"x" * 101, _slowly(b"x" * 101)):
            response = await listening.admin.post("/prpc/Operation.AppStop", content=content)
            assert (response.status_code, response.text) == (413, "Entity too large")


async def _slowly(data: bytes):  # type: ignore[no-untyped-def]
    for byte in data:
        yield bytes((byte,))

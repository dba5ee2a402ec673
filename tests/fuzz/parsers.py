"""Targets that read bytes: identifiers and nodes of content, archives, SCALE, messages, signatures, configuration."""

import io
import logging
import os
import tarfile
import tomllib
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from google.protobuf.message import DecodeError

from tests.fuzz.target import Check, Target, plain
from tests.trust.attestation.platform import QUOTES
from wapo.abi.manifest import InvalidManifest, Manifest
from wapo.abi.messages import HttpResponseHead
from wapo.abi.metrics import SignedAppsMetrics
from wapo.abi.network import decode_tcp_connect_tls, decode_tcp_listen, decode_tls_listen_sni
from wapo.abi.prices import Prices, SignedWorkerDescription
from wapo.abi.registration import WorkerEndpointPayload, WorkerRegistrationInfoV2, decode_attestation
from wapo.abi.session import SessionUpdate
from wapo.agents.conventions import OutputKind, response_of
from wapo.cli.values import parse_size, parse_time
from wapo.cli.wapod_config import InvalidConfig, WapodConfig
from wapo.content.blocks import Block, InThreads, MemoryBlocks
from wapo.content.car import CarDecoder, car_header, car_section
from wapo.content.cid import DAG_PB, RAW, Cid
from wapo.content.dagpb import Link, decode_node, encode_node
from wapo.content.disk import DiskBlocks
from wapo.content.errors import InvalidCid
from wapo.content.export import Exporter
from wapo.content.importer import pack_bytes, store_now
from wapo.content.limits import Limits, Meter
from wapo.content.nodes import File, links_of, read_node
from wapo.content.paths import resolve
from wapo.content.reader import read_file
from wapo.content.tree import pack_directory
from wapo.content.trustless import parse_request
from wapo.content.unixfs import decode_unixfs, encode_file, encode_shard
from wapo.content.walk import walk
from wapo.errors import CallerError, GuestError, UpstreamError, WapoError
from wapo.gateway.addresses import InvalidHost, agent_url, path_for_log, vault_key
from wapo.gateway.app_http import InvalidAppPath, app_path
from wapo.gateway.paths import ContentPath
from wapo.gateway.rpc.json_form import UndecodableMessage, from_json, to_json
from wapo.gateway.rpc.queries import UndecodableQuery, _decode
from wapo.gateway.rpc.schema import FIELDS, MESSAGES
from wapo.gateway.rpc.transport import mode_of
from wapo.node.archive import BadBackup
from wapo.node.backup import back_up
from wapo.node.keys import open_keys
from wapo.node.restore import CannotRestore, KeyNeeded, check_backup, restore
from wapo.scale.primitives import Reader, ScaleError, encode_bytes, encode_text, encode_unsigned
from wapo.store.database import Database
from wapo.trust.attestation.genuine import check_genuine
from wapo.trust.attestation.measurements import parse_quote
from wapo.trust.encrypted_query import QueryCipher, UndecryptableQuery, decrypt_query, encrypt_query
from wapo.trust.query_errors import QuerySignatureError
from wapo.trust.query_signature import (
    Certificate,
    CertificateBody,
    Query,
    QuerySignature,
    RootSigner,
    Scope,
    SignatureType,
    decode_query_signature,
    encode_query_signature,
)
from wapo.trust.query_verification import origin_of
from wapo.trust.worker_key import WorkerKey
from wapo.verify.collateral import Collateral
from wapo.verify.document import check_attestation, read_attestation
from wapo.verify.events import read_events
from wapo.verify.exchange import check_exchange, exchange_of
from wapo.verify.policy import Policy
from wapo.verify.quotes import verify_quote
from wapo.verify.steps import Verdict

__all__ = ["PARSERS"]

LIMITS = Limits(max_bytes=1 << 20, max_blocks=64, max_depth=6)


def _content() -> tuple[list[bytes], MemoryBlocks, list[Cid]]:
    """Blocks of every kind; a store with them, and their identifiers."""
    blocks = MemoryBlocks()
    small = store_now(blocks, pack_bytes(b"export default 1"))
    large = store_now(blocks, pack_bytes(bytes(range(256)) * 2048))
    folder = store_now(blocks, pack_directory([(b"index.js", small), (b"lib", large)]))
    shard = encode_node([Link(small.cid.encode(), b"00index.js", 20)], encode_shard(b"\1", 256))
    data = [blocks.get(imported.cid) or b"" for imported in (small, large, folder)]
    data += [shard, encode_node([], encode_file(b"inline")), encode_node([], encode_file(b"", (1, 2)))]
    return data, blocks, [small.cid, large.cid, folder.cid, Cid.of(shard, codec=DAG_PB)]


DATA, STORE, CIDS = _content()


def _cid(case: bytes) -> None:
    with suppress(InvalidCid):
        cid = Cid.decode(case)
        assert Cid.decode(cid.encode()) == cid
        assert Cid.parse(str(cid)) == cid
        assert cid.v1().v1() == cid.v1()
    with suppress(InvalidCid):
        cid = Cid.parse(case.decode("utf-8", "surrogateescape"))
        assert Cid.parse(str(cid)) == cid


def _nodes(case: bytes) -> None:
    with suppress(CallerError):
        node = decode_node(case)
        assert decode_node(encode_node(node.links, node.data or b"")).links == node.links
    with suppress(CallerError):
        decode_unixfs(case)
    cid = Cid.of(case, codec=DAG_PB)
    with suppress(CallerError):
        found = read_node(cid, case)
        assert not isinstance(found, File) or found.size >= len(found.data)
    with suppress(CallerError):
        links_of(cid, case)


def _archive(case: bytes) -> None:
    """What is read does not depend on the pieces in which it comes."""
    random = Random(zlib.crc32(case))

    def read(pieces: Sequence[bytes]) -> tuple[list[Block], str]:
        decoder, blocks = CarDecoder("a peer", max_block_bytes=1 << 16), []
        try:
            for piece in pieces:
                blocks += decoder.feed(piece)
            decoder.finish()
        except (UpstreamError, CallerError) as error:
            return [], type(error).__name__
        return blocks, ""

    cuts = sorted(random.randrange(len(case) + 1) for _ in range(random.randrange(6)))
    pieces = [case[a:b] for a, b in zip([0, *cuts], [*cuts, len(case)], strict=True)]
    whole, again = read([case]), read(pieces)
    assert whole == again
    for cid, data in whole[0]:
        assert cid.matches(data)


@asynccontextmanager
async def _graph(folder: Path) -> AsyncIterator[Check]:
    """A DAG whose nodes are anybody's, in a store on a disk that somebody damages."""
    disk = DiskBlocks(folder, max_block_bytes=1 << 18)
    log = logging.getLogger("wapo.content.disk")
    before = log.level

    async def check(case: bytes) -> None:
        random = Random(zlib.crc32(case))
        pieces = case.split(b"\xff\xfe")[:16]
        blocks = [Block(Cid.of(p, codec=random.choice((DAG_PB, RAW))), p) for p in pieces]
        # Links of any node may lead to any other: its hash is not looked at by what reads nodes.
        held = {block.cid: block for block in blocks}

        async def load(cid: Cid) -> Any:
            found = held.get(cid) or random.choice(blocks)
            return read_node(found.cid, found.data)

        async def get(cid: Cid) -> bytes:
            return (held.get(cid) or blocks[0]).data

        meter = Meter(LIMITS, "it")
        with suppress(CallerError):
            found = await resolve(load, blocks[0].cid, ["lib", "index.js", ""][: random.randrange(4)], meter)
            taken = 0
            async for piece in read_file(load, found.file, meter):
                taken += len(piece)
                assert taken <= LIMITS.max_bytes
        with suppress(CallerError):
            seen = 0
            async for _ in walk(get, blocks[0].cid):
                seen += 1
                if seen > 2000:
                    break
        cid, data = blocks[-1]
        with suppress(CallerError):
            disk.put(cid, data)
            assert cid.inline is not None or disk.get(cid) == data
            path = disk._path(cid.multihash)
            if cid.inline is None:
                path.write_bytes(case)
                assert disk.get(cid) in ((data,) if case == data else (None,))
                disk.remove(cid)
        exporter = Exporter(InThreads(STORE))
        with suppress(WapoError):
            trail = await exporter.follow(random.choice(CIDS), case[:20].decode("latin-1").split("/"))
            async for _ in exporter.archive(trail, "all", None):
                pass

    log.setLevel(logging.ERROR)
    try:
        yield check
    finally:
        log.setLevel(before)


_DECODERS: tuple[Callable[[bytes], Any], ...] = (
    Manifest.decode, Prices.decode, SignedWorkerDescription.decode, SignedAppsMetrics.decode, HttpResponseHead.decode,
    WorkerRegistrationInfoV2.decode, WorkerEndpointPayload.decode, SessionUpdate.decode, decode_attestation,
    decode_tcp_listen, decode_tcp_connect_tls, decode_tls_listen_sni,
)  # fmt: skip
_MANIFEST = Manifest("sha256:" + "0" * 64, ("a", "b"), (("k", "v"),), label="x", required_blobs=(("sha256:1", "bafy"),))
_READS = ("compact", "bytes", "text", "option", "boolean")


def _scale(case: bytes) -> None:
    for decode in _DECODERS:
        with suppress(ScaleError):
            found = decode(case)
            if hasattr(found, "encode") and hasattr(type(found), "decode"):
                assert type(found).decode(found.encode()) == found
    with suppress(ScaleError):
        manifest = Manifest.decode(case)
        with suppress(InvalidManifest):
            manifest.check()
            assert len(manifest.address()) == 32
    reader = Reader(case)
    with suppress(ScaleError):
        while reader.remaining:
            getattr(reader, _READS[case[0] % len(_READS)])()
            reader.vec(lambda: reader.unsigned(1 + case[0] % 8), at_most=1000)


_NAMES = sorted(MESSAGES)


def _rpc(case: bytes) -> None:
    """The first byte says which message it is to be."""
    name, body = _NAMES[case[0] % len(_NAMES) if case else 0], case[1:]
    message = None
    with suppress(UndecodableMessage):
        message = from_json(name, body)
    with suppress(DecodeError, UnicodeDecodeError):
        message = MESSAGES[name].FromString(body)
        message.DiscardUnknownFields()
    if message is not None:
        assert from_json(name, msgspec.json.encode(to_json(name, message))) == message
    mode_of("POST", body, [(b"content-type", body)])


def _rpc_seeds() -> list[bytes]:
    seeds = []
    for number, name in enumerate(_NAMES):
        message = MESSAGES[name]()
        for field, kind, _ in FIELDS[name]:
            values = {"string": "0x00", "bytes": b"\1\2", "bool": True, "u32": 7, "u64": 1 << 40}
            value = values.get(kind.removeprefix("repeated "))
            if value is None:
                continue
            if kind.startswith("repeated "):
                getattr(message, field).extend([value, value])
            else:
                setattr(message, field, value)
        seeds += [bytes([number]) + message.SerializeToString(),
                  bytes([number]) + msgspec.json.encode(to_json(name, message))]  # fmt: skip
    return seeds


_WORKER = WorkerKey.from_seed(bytes(32))
_CALLER = WorkerKey.from_seed(b"\1" * 32)
_QUERY = Query(bytes(32), "a/b", b"payload")


def _queries(case: bytes) -> None:
    with suppress(QuerySignatureError):
        found = decode_query_signature(case)
        assert found is None or decode_query_signature(encode_query_signature(found)) == found
    with suppress(QuerySignatureError):
        assert origin_of(case, _QUERY, 1e9) is None  # nobody has signed anything
    for public in (case[:32], _CALLER.public):
        with suppress(UndecryptableQuery):
            decrypt_query(_WORKER, public, case[32:])
        with suppress(UndecryptableQuery):
            QueryCipher.for_worker(_WORKER, public, case[32:]).decrypt_request(case[32:])
    with suppress(UndecodableQuery):
        _decode(case)


def _query_seeds() -> list[bytes]:
    scope = Scope(bytes(32), ("a/*", "b"))
    body = CertificateBody(_CALLER.public, 2**40, (scope,))
    signers = [RootSigner(_CALLER.public), Certificate(body, SignatureType(0), bytes(64), _CALLER.public)]
    seeds = [
        encode_query_signature(QuerySignature(kind, bytes(64), signer)) for signer in signers for kind in SignatureType
    ]
    seeds.append(encode_query_signature(None))
    seeds.append(_CALLER.public + encrypt_query(_CALLER.to_bytes(), _WORKER.public, b"\x0a\x01a"))
    return seeds


def _addresses(case: bytes) -> None:
    """Paths, queries and hosts of requests: pure functions of what the parser lets through."""
    path, _, rest = case.partition(b"?")
    query, _, host = rest.partition(b"\n")
    where = ContentPath.parse(path)
    for count in range(4):
        where.own(count)
    with suppress(InvalidHost):
        url = agent_url("http", [(b"host", host)], path, query)
        assert url.isascii()
        assert url.isprintable()
        assert " " not in url
    key = vault_key(query)
    shown = path_for_log(path, query, hide=key is not None)
    if key is not None:
        pairs = shown[len(path) + 1 :].encode("latin-1").split(b"&")
        assert all(vault_key(pair) in (None, "***", "") for pair in pairs)
    with suppress(InvalidAppPath):
        found = app_path(path)
        assert ".." not in found.split("/")
        assert not found.startswith("/")
    with suppress(InvalidCid):
        cid = Cid.parse(where.cid)
        with suppress(CallerError):
            pairs = dict(p.partition("=")[::2] for p in query.decode("latin-1").split("&"))
            parse_request(cid, where.segments, pairs, host.decode("latin-1"))


def _outputs(case: bytes) -> None:
    """What a classic script puts out."""
    if not case:
        return
    with suppress(GuestError):
        response = response_of(OutputKind(case[0] % len(OutputKind)), case[1:])
        assert 200 <= response.status <= 599
        for name, value in response.headers:
            assert name
            assert not set(name + value) & set(b"\r\n\0")
            assert b":" not in name


@asynccontextmanager
async def _config(folder: Path) -> AsyncIterator[Check]:
    file = folder / "Wapod.toml"

    async def check(case: bytes) -> None:
        file.write_bytes(case)
        with suppress(InvalidConfig):
            WapodConfig.load(file, {"WAPOD_ADMIN_PORT": case[:8].decode("latin-1")})
        text = case[:100].decode("latin-1")
        with suppress(ValueError):
            assert 0 < parse_size(text) < 1 << 63
        with suppress(ValueError):
            seconds = parse_time(text)
            assert seconds is None or seconds > 0

    yield check


@asynccontextmanager
async def _backup(folder: Path) -> AsyncIterator[Check]:
    """A backup that somebody has changed; the first four bytes of a case say where, the rest with what."""
    source, archive = folder / "node", folder / "backup.tar"
    source.mkdir()
    async with Database(source / "wapo.db") as database:
        await open_keys(source, database)
    DiskBlocks(source / "content").put(Cid.of(b"content"), b"content")
    back_up(source, archive)
    sound = archive.read_bytes()
    with tarfile.open(fileobj=io.BytesIO(sound)) as opened:
        places = [member.offset for member in opened] + [len(sound) - 10240]
    key = (source / "node.key").read_bytes()
    beside = sorted(path.name for path in folder.iterdir())
    number = 0

    async def check(case: bytes) -> None:
        nonlocal number
        number += 1
        random = Random(zlib.crc32(case))
        data = bytearray(sound)
        at = random.choice(places) + (int.from_bytes(case[:2], "little") % 700)
        match random.randrange(4):
            case 0:
                data[at : at + len(case) - 2] = case[2:]
            case 1:
                data[at:at] = case[2:]
            case 2:
                del data[at:]
                data += case[2:]
            case _:
                data = bytearray(case)
        if random.random() < 0.7:
            _mend_checksums(data, places)
        changed, target = folder / "changed.tar", folder / f"target{number}"
        changed.write_bytes(data)
        with suppress(BadBackup, KeyNeeded, CannotRestore, CallerError):
            check_backup(changed, key=key)
        with suppress(BadBackup, KeyNeeded, CannotRestore, CallerError):
            restore(changed, target, key=key)
            _remove(target)
        changed.unlink()
        assert sorted(path.name for path in folder.iterdir()) == beside

    yield check


def _mend_checksums(data: bytearray, places: Sequence[int]) -> None:
    """So that not every change of a header ends at its sum."""
    for at in places:
        header = data[at : at + 512]
        if len(header) == 512:
            total = sum(header[:148]) + 8 * 32 + sum(header[156:])
            data[at + 148 : at + 156] = b"%06o\0 " % (total & 0o777777)


def _remove(folder: Path) -> None:
    for root, folders, files in os.walk(folder, topdown=False):
        for name in files:
            (Path(root) / name).unlink()
        for name in folders:
            (Path(root) / name).rmdir()
    folder.rmdir()


_TOML = b"""[default]
address = "127.0.0.1"
port = 8000
ident = "Wapod"
limits = { "Operation.BlobPut" = "10MB", form = 1024 }
[admin]
port = 8001
[user]
workers = 4
[runtime]
tcp_connect_blacklist = ["10.0.0.0/8", "::1"]
"""
assert tomllib.loads(_TOML.decode())

_EVENTS = b'[{"imr":3,"event_type":134217729,"digest":"00","event":"app-id","event_payload":"00"}]'
_ATTESTATION = (
    b'{"format":"wapo-attestation/v1","attested":false,"kind":"none","nonce":"%s","node":{"key_id":"k","signing":{"algorithm":'
    b'"Ed25519","public":"%s"},"agreement":{"algorithm":"X25519","public":"%s"},"earlier":[]},"programs":"wapo/1","report_data":"%s","quote":'
    b'"BAACAA==","event_log":null,"signature":{"algorithm":"Ed25519","value":"AAAA"}}'
) % (b"00" * 16, b"11" * 32, b"22" * 32, b"33" * 64)
_POLICY = (
    b"tees = ['tdx']\nallowed_advisories = ['INTEL-SA-00615']\n[tdx]\nmr_td = '"
    + b"00" * 48
    + b"'\n[sgx]\nisv_prod_id = 1"
)
_EXCHANGE = (
    b'{"request":{"method":"GET","target":"/ipfs/b","nonce":"n","headers":[],"body":""},'
    b'"response":{"status":200,"headers":[["a","b"]],"body":"AAAA"}}'
)
_AT = datetime(2025, 6, 19, 11, 16, 3, tzinfo=UTC)


def _attestation(data: bytes) -> None:
    """Each reader of a verifier: what it reads is refused with a sentence, and nothing made up is ever proven."""
    quote, steps = None, []
    with suppress(CallerError):
        steps = check_attestation(read_attestation(data), bytes(16), data, _AT, Policy())
    assert not Verdict(steps).proven
    with suppress(CallerError):
        quote = parse_quote(data)
        check_genuine(quote)
    assert not Verdict(verify_quote(data, data, _AT, Policy())).proven
    with suppress(CallerError):
        Collateral(data).check(_AT, "")
    text = data.decode("utf-8", "replace")
    with suppress(CallerError):
        Policy.parse(text)
    if quote is not None:
        with suppress(CallerError):
            read_events(text, quote)
    with suppress(CallerError):
        assert check_exchange(exchange_of(data, data), {})[1] is None


PARSERS: dict[str, Target] = {
    "attestation": Target(
        [
            _ATTESTATION, _POLICY, _EVENTS, _EXCHANGE,
            *[(QUOTES / name).read_bytes() for name in ("tdx_quote", "sgx_quote_collateral.json") if (QUOTES / name).exists()],
        ],
        plain(_attestation),
        (b"null", b'""', b"\\ud800", b"[[", b"1e400", b"-----BEGIN CERTIFICATE-----\n", b"\4\0\2\0\x81\0\0\0", b"\xff\xff\xff\xff"),
    ),
    "cid": Target(
        [c for cid in CIDS for c in (cid.encode(), str(cid).encode(), str(cid.v1()).encode())]
        + [b"QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWKQ1Ba", b"f01551200", b"\1\x55\0\5hello"],
        plain(_cid),
        (b"Qm", b"bafy", b"bafkrei", b"\x12\x20", b"\1\x70", b"\1\x55", b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\1"),
    ),
    "nodes": Target(DATA, plain(_nodes), (b"\x0a\x26\x0a\x24", b"\x12\0", b"\x08\2", b"\x08\5", b"\x18\xff\xff\x7f")),
    "archive": Target(
        [
            car_header(CIDS[:1]) + b"".join(b"".join(car_section(Block(cid, STORE.get(cid) or b""))) for cid in CIDS[:3]),
            car_header([]) + b"".join(car_section(Block(Cid.of(b"abc"), b"abc"))),
            car_header(CIDS),
        ],
        plain(_archive),
        (b"\x80\x80\x80\x80\x10", b"\xa2erootsgversion\1", b"\x26\1\x55\x12\x20", b"\0"),
    ),
    "graph": Target([b"\xff\xfe".join(DATA), b"\xff\xfe".join(DATA[::-1]), *DATA], _graph, (b"\xff\xfe", b"\x0a\x26\x0a\x24")),
    "scale": Target(
        [
            _MANIFEST.encode(), Manifest("").encode(), b"\1" + encode_text("a") + encode_text("b"),
            encode_text("127.0.0.1:443") + b"\1\0" + encode_text("cert") + encode_text("key"),
            encode_text("a.example") + encode_unsigned(443, 2) + b"\0", encode_bytes(bytes(70)), bytes(200),
        ],
        plain(_scale),
        (b"\3\xff\xff\xff\xff", b"\xfc", b"\xfd\xff", b"\xfe\xff\xff\xff", b"\1", b"\0"),
    ),
    "rpc": Target(_rpc_seeds(), plain(_rpc), (b"null", b"[[", b'"0x', b"1e400", b"{}", b'"\\ud800"', b"-1", b"0x0x")),
    "queries": Target(_query_seeds(), plain(_queries), (b"\1\0", b"\0\0", bytes(32), b"\xff" * 32)),
    "addresses": Target(
        [
            b"%s/a%%2Fb/../c?key=abcdefghijkl&x=1\nhost.example:80" % str(CIDS[0]).encode(),
            b"local//?k%65y=abcdefghijkl\n[::1]:443", b"a/./b/%2e%2e/%ff?format=car&dag-scope=all&entity-bytes=0:*\n1.2.3.4",
        ],
        plain(_addresses),
        (b"%2e", b"..", b"//", b"%00", b"%", b"key=", b"k%65y=", b"[::", b"]", b"@", b"format=raw", b"car-version=1"),
    ),
    "outputs": Target(
        [
            b"\0{\"status\":200,\"headers\":{\"a\":\"b\"},\"body\":\"c\"}", b"\1\x83\xa6status\xcc\xc8\xa7headers\x81\xa1a\xa1b\xa4body\xa1c",
            b"\2text", b"\1\xc4\x03abc", b"\0[1,2]",
        ],
        plain(_outputs),
        (b'"status":', b"1e999", b"\xdf\xff\xff\xff\xff", b"\xc1", b"\\u000d\\u000a", b"\r\n", b"[" * 200, b"\x91" * 200),
    ),
    "config": Target([_TOML], _config, (b'"""', b"[[", b"{", b"1e9", b"10MB", b"unlimited", b"999999999999999999999GB", b"= true")),
    "backup": Target(
        [b"\0\0../../x\0", b"\x7c\0" + b"77777777777\0", b"\x9c\x005", b"\x9c\0L", b"\x9c\0x", b"\x9c\0S", b"\0\2" + b"0" * 600],
        _backup,
        (b"../", b"/", b"wapo.db\0", b"SHA256SUMS\0", b"\x80\0\0\0\xff\xff\xff\xff", b"ustar\0", b"path=", b"size="),
        longest_s=5,
    ),
}  # fmt: skip

"""Identifiers: what is read, how it is written, what is refused and why."""

import hashlib
import pickle
from dataclasses import FrozenInstanceError

import libipld
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from multiformats import CID as ReferenceCid  # noqa: N811
from multiformats import multibase

from wapo.content.cid import DAG_PB, RAW, Cid, cid_parts
from wapo.content.errors import InvalidCid
from wapo.content.multihash import BLAKE2B_256, IDENTITY, SHA2_256, SHA2_512

EMPTY_FILE = "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH"
EMPTY_RAW = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"
DIGEST = hashlib.sha256(b"").digest()

functions = st.sampled_from([SHA2_256, SHA2_512, BLAKE2B_256])
cids = st.builds(
    lambda data, codec, function: Cid.of(data, codec=codec, function=function),
    st.binary(max_size=64),
    st.sampled_from([RAW, DAG_PB]),
    functions,
) | st.builds(lambda data: Cid.of(data, codec=DAG_PB, version=0), st.binary(max_size=64))


def in_base(base: str, data: bytes) -> str:
    return str(multibase.get(base).encode(data))


@pytest.mark.parametrize("text", [EMPTY_FILE, EMPTY_RAW, "bafkqaaa"])
def test_the_usual_forms_read_and_print_alike(text: str) -> None:
    """Addresses in logs and links must be the ones that people published."""
    assert str(Cid.parse(text)) == text
    assert repr(Cid.parse(text)) == f"Cid({text!r})"


@pytest.mark.parametrize("base", ["base16", "base16upper", "base32", "base32upper", "base36", "base58btc", "base64url"])
def test_every_base_names_the_same_content(base: str) -> None:
    """Subdomain gateways print base36, old tools base58btc."""
    data = Cid.parse(EMPTY_RAW).encode()
    assert Cid.parse(in_base(base, data)) == Cid.parse(EMPTY_RAW)


@given(cids)
def test_text_and_bytes_come_back_whole(cid: Cid) -> None:
    """Identifiers go through links, archives, file names and URLs."""
    assert Cid.parse(str(cid)) == Cid.decode(cid.encode()) == cid
    assert hash(Cid.parse(str(cid))) == hash(cid)
    assert pickle.loads(pickle.dumps(cid)) == cid


@given(cids)
def test_what_is_printed_is_what_multiformats_prints(cid: Cid) -> None:
    """The reference implementation reads our identifiers as we do."""
    reference = ReferenceCid.decode(str(cid))
    assert (reference.version, reference.codec.code) == (cid.version, cid.codec)
    assert bytes(reference.digest) == cid.multihash


def test_both_versions_of_a_dag_meet_in_version_1() -> None:
    """They are two addresses of one program."""
    old = Cid.parse(EMPTY_FILE)
    new = Cid.parse("bafybeif7ztnhq65lumvvtr4ekcwd2ifwgm3awq4zfr3srh462rwyinlb4y")
    assert old != new
    assert old.v1() == new == new.v1()


def test_a_cid_cannot_be_changed() -> None:
    """It is a key of caches."""
    with pytest.raises(FrozenInstanceError):
        Cid.parse(EMPTY_RAW).codec = DAG_PB  # type: ignore[misc]


@given(st.binary(max_size=300), functions)
def test_a_block_matches_its_own_identifier_only(data: bytes, function) -> None:  # type: ignore[no-untyped-def]
    """This is the check that everything rests on."""
    cid = Cid.of(data, function=function)
    assert cid.matches(data)
    assert not cid.matches(data + b"\0")
    assert cid.inline is None


@pytest.mark.parametrize("size", [0, 1, 127, 128])
def test_inline_content_comes_back(size: int) -> None:
    """128 is where the length takes a second byte."""
    data = b"x" * size
    cid = Cid.parse(str(Cid.of(data, function=IDENTITY)))
    assert cid.inline == data
    assert cid.matches(data)
    assert not cid.matches(data + b"y")


def _v1(codec: int, multihash: bytes) -> bytes:
    return bytes((1, codec)) + multihash


REFUSED = {
    "nothing": ("", "1 to 1100 characters"),
    "too long": ("b" + "a" * 2000, "1 to 1100 characters"),
    "no base": ("hello world", "is not an IPFS CID"),
    "a path": (EMPTY_FILE + "/0", "is not an IPFS CID"),
    "not ASCII": ("bäfy", "is not an IPFS CID"),
    "a lone surrogate": ("b\ud800", "is not an IPFS CID"),
    "cut short": (EMPTY_FILE[:-1], "is not an IPFS CID"),
    "cut short in base32": (EMPTY_RAW[:-8], "cut short"),
    "version 0 with prefix": ("z" + EMPTY_FILE, "without a multibase prefix"),
    "version 0 in hex": (in_base("base16", b"\x12\x20" + DIGEST), "without a multibase prefix"),
    "version 2": (in_base("base32", b"\x02" + _v1(RAW, b"\x12\x20" + DIGEST)[1:]), "version is 2"),
    "dag-cbor": (in_base("base32", _v1(0x71, b"\x12\x20" + DIGEST)), "dag-cbor"),
    "an IPNS name": (in_base("base36", _v1(0x72, b"\x12\x20" + DIGEST)), "IPNS"),
    "unknown codec": (in_base("base32", _v1(0x01, b"\x12\x20" + DIGEST)), "codec 0x1;"),
    "sha1": (in_base("base32", _v1(RAW, b"\x11\x14" + DIGEST[:20])), "hash function 0x11; allowed are identity, sha2"),
    "a truncated digest": (in_base("base32", _v1(RAW, b"\x12\x14" + DIGEST[:20])), "20 bytes, not 32"),
    "129 bytes inline": (
        in_base("base32", _v1(RAW, b"\x00\x81\x01" + b"x" * 129)),
        "129 bytes inline; 128 are allowed",
    ),
    "bytes left over": (in_base("base32", _v1(RAW, b"\x12\x20" + DIGEST + b"x")), "1 bytes follow"),
    "a padded number": (in_base("base32", b"\x81\x00" + _v1(RAW, b"\x12\x20" + DIGEST)[1:]), "malformed"),
}


@pytest.mark.parametrize(("text", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_is_said(text: str, reason: str) -> None:
    """A person reads this in the answer to a mistyped address."""
    with pytest.raises(InvalidCid, match=reason) as refused:
        Cid.parse(text)
    assert refused.value.status == 400
    assert len(str(refused.value)) < 400


@given(st.text(max_size=120) | st.text(alphabet="bfkzQmu0123456789abcdefghijklmnopqrstuvwxyz", max_size=90))
@example("Qm" + "1" * 44)
@example("z" + "1" * 34)
def test_any_text_is_an_identifier_or_refused(text: str) -> None:
    """It comes out of a URL. Whatever is read, is read the same when printed."""
    try:
        cid = Cid.parse(text)
    except InvalidCid:
        return
    assert Cid.parse(str(cid)) == cid


@given(st.binary(max_size=80) | cids.map(Cid.encode).flatmap(lambda data: st.binary(max_size=3).map(data.__add__)))
def test_any_bytes_are_an_identifier_or_refused(data: bytes) -> None:
    """They come out of foreign blocks. Nothing is read that libipld would read otherwise."""
    try:
        cid = Cid.decode(data)
    except InvalidCid:
        return
    assert cid.encode() == data
    if len(cid.inline or b"") <= 64:  # libipld knows no longer ones
        known = libipld.decode_cid(data)
        assert (known["version"], known["codec"]) == (cid.version, cid.codec)


@given(cids, st.binary(max_size=8), st.binary(max_size=8))
def test_an_identifier_is_found_among_other_bytes(cid: Cid, before: bytes, after: bytes) -> None:
    """An archive's sections begin with one."""
    encoded = cid.encode()
    *_, end = cid_parts(before + encoded + after, len(before))
    assert end == len(before) + len(encoded)

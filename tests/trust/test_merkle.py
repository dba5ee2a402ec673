"""The Merkle tree: the RFC's definition, its known vectors, and every wrong proof refused."""

import hashlib
import random

import pytest

from wapo.trust.identity import NodeIdentity
from wapo.trust.keys import NodeKeys
from wapo.trust.merkle import (
    MissingTiles,
    TreeHead,
    check_consistency,
    check_inclusion,
    consistency_proof,
    extend,
    inclusion_proof,
    leaf_hash,
    read_head,
    right_edge,
    root_of,
)
from wapo.trust.receipts import InvalidReceipt, PublishedKey

Tiles = dict[tuple[int, int], bytes]
ENTRIES = [b"entry %d" % number for number in range(1200)]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]


def defined(leaves: list[bytes]) -> bytes:
    """RFC 9162 2.1.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\1" + defined(leaves[:k]) + defined(leaves[k:])).digest()


def tree(size: int, chance: random.Random | None = None) -> Tiles:
    """A log that has grown to that size, in batches; of each batch it is given the right edge only."""
    kept: Tiles = {}
    at = 0
    while at < size:
        more = min(size - at, chance.randint(1, 700) if chance else size)
        edge = {name: kept[name] for name in right_edge(at)}
        extend(edge, at, b"".join(LEAVES[at : at + more]))
        kept |= edge
        at += more
    return kept


SIZES = [*range(34), 255, 256, 257, 511, 512, 513, 1023, 1024, 1200]


@pytest.mark.parametrize("size", SIZES)
def test_the_root_is_the_defined_one(size: int) -> None:
    assert root_of(tree(size), size) == defined(LEAVES[:size])


def test_it_does_not_matter_how_a_log_grows() -> None:
    chance = random.Random(7)
    for _ in range(10):
        assert tree(1200, chance) == tree(1200)


def test_the_roots_are_those_of_certificate_transparency() -> None:
    """The vectors that its logs have been tested with since RFC 6962."""
    entries = "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"
    roots = (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    )
    tiles: Tiles = {}
    extend(tiles, 0, b"".join(leaf_hash(bytes.fromhex(entry)) for entry in entries))
    assert [root_of(tiles, size).hex() for size in range(1, 9)] == list(roots)


def test_three_levels_of_tiles() -> None:
    leaves = [number.to_bytes(32, "big") for number in range(70_000)]
    tiles: Tiles = {}
    extend(tiles, 0, b"".join(leaves))
    assert {level for level, _ in tiles} == {0, 1, 2}
    root = root_of(tiles, len(leaves))
    assert root == defined(leaves)
    for index in (0, 255, 65_535, 65_536, 69_999):
        assert check_inclusion(leaves[index], index, len(leaves), inclusion_proof(tiles, index, len(leaves)), root)
    proof = consistency_proof(tiles, 65_537, len(leaves))
    assert check_consistency(65_537, len(leaves), proof, defined(leaves[:65_537]), root)


def test_every_leaf_is_proven_and_no_other() -> None:
    tiles = tree(300)
    for size in (1, 2, 7, 8, 33, 256, 257, 300):
        root = root_of(tiles, size)
        for index in {*range(min(size, 20)), size - 1, size // 2}:
            proof = inclusion_proof(tiles, index, size)
            assert check_inclusion(LEAVES[index], index, size, proof, root)
            assert not check_inclusion(LEAVES[index + 1], index, size, proof, root)
            assert not check_inclusion(LEAVES[index], index, size, [*proof, LEAVES[0]], root)
            assert not check_inclusion(LEAVES[index], index, size, proof, LEAVES[0]) or size == 1
            if size > 1:
                assert not check_inclusion(LEAVES[index], index ^ 1, size, proof, root)
                assert not check_inclusion(LEAVES[index], index, size, proof[:-1], root)
                assert not check_inclusion(LEAVES[index], index, size, [LEAVES[299], *proof[1:]], root)
    assert not check_inclusion(LEAVES[0], 0, 0, [], LEAVES[0])
    assert not check_inclusion(LEAVES[0], -1, 1, [], LEAVES[0])


def test_every_beginning_is_proven_and_nothing_else() -> None:
    tiles = tree(300)
    for second in (1, 2, 7, 8, 33, 256, 257, 300):
        for first in {*range(min(second, 40)), second - 1, second // 2, second}:
            roots = defined(LEAVES[:first]), root_of(tiles, second)
            proof = consistency_proof(tiles, first, second)
            assert check_consistency(first, second, proof, *roots)
            assert not check_consistency(first, second, proof, LEAVES[299], roots[1])
            if 0 < first < second:
                assert not check_consistency(first, second, proof, roots[0], LEAVES[299])
                assert not check_consistency(first, second, proof[:-1], *roots)
                assert not check_consistency(first, second, [*proof, LEAVES[0]], *roots)
                assert not check_consistency(first, second, [LEAVES[299], *proof[1:]], *roots)
    assert not check_consistency(3, 2, [], LEAVES[0], LEAVES[0])


def test_what_is_missing_is_asked_for() -> None:
    tiles = tree(1200)
    have: Tiles = {}
    for _ in range(3):
        try:
            assert inclusion_proof(have, 700, 1200) == inclusion_proof(tiles, 700, 1200)
            break
        except MissingTiles as missing:
            have |= {name: tiles[name] for name in missing.wanted}
    assert 0 < len(have) < len(tiles)


def test_a_key_that_was_given_up_signs_no_later_head() -> None:
    identity = NodeIdentity(NodeKeys(bytes(range(32))))
    head = TreeHead("log", 1, bytes(32), 1_800_000_000_000, identity.key_id)
    document = head.document(identity.sign(head.canonical()))
    for until in (None, 1_800_000_000, 1_799_999_940):
        assert read_head(document, {identity.key_id: PublishedKey(identity.public, 0, until)}) == head
    with pytest.raises(InvalidReceipt):
        read_head(document, {identity.key_id: PublishedKey(identity.public, 0, 1_799_999_939)})

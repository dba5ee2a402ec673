"""A node's identity."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from wapo.trust.identity import NodeIdentity, key_id
from wapo.trust.keys import NodeKeys

KEYS = NodeKeys(bytes(range(32)))


def test_a_name_is_the_thumbprint_of_rfc_8037() -> None:
    # RFC 8037, appendix A.2 and A.3.
    public = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    assert key_id(public) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_it_is_the_same_for_the_same_root_and_generation_only() -> None:
    mine = NodeIdentity(KEYS)
    assert (mine.public, mine.agreement_public) == (NodeIdentity(KEYS).public, NodeIdentity(KEYS).agreement_public)
    others = [NodeIdentity(KEYS, 2), NodeIdentity(NodeKeys(bytes(32)))]
    assert len({one.key_id for one in [mine, *others]}) == 3
    assert len({one.agreement_public for one in [mine, *others]}) == 3


def test_what_it_signs_verifies() -> None:
    mine = NodeIdentity(KEYS)
    Ed25519PublicKey.from_public_bytes(mine.public).verify(mine.sign(b"message"), b"message")


def test_both_sides_agree() -> None:
    mine, other = NodeIdentity(KEYS), X25519PrivateKey.generate()
    theirs = other.exchange(X25519PublicKey.from_public_bytes(mine.agreement_public))
    assert mine.agreement_key.exchange(other.public_key()) == theirs


def test_printing_it_shows_no_secret() -> None:
    mine = NodeIdentity(KEYS)
    assert repr(mine) == f"NodeIdentity({mine.key_id}, generation 1)"

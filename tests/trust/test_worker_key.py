"""The worker's key: made once, sealed at rest, imported from the original, never replaced."""

import multiprocessing
from pathlib import Path

import pytest

from tests.trust.vectors import SEED, WORKER_KEY_FILE, WORKER_PUBLIC
from wapo.trust.domains import ContentType
from wapo.trust.keys import NodeKeys
from wapo.trust.worker_key import UnusableKey, WorkerKey, WorkerKeyExists

KEYS = NodeKeys(bytes(range(32)))
OTHER_KEYS = NodeKeys(bytes(32))


def test_a_seed_gives_the_original_s_key() -> None:
    key = WorkerKey.from_seed(SEED)
    assert key.to_bytes() == WORKER_KEY_FILE
    assert key.public == WORKER_PUBLIC
    assert WorkerKey.from_bytes(key.to_bytes()).public == WORKER_PUBLIC


@pytest.mark.parametrize("secret", [b"", WORKER_KEY_FILE[:63], WORKER_KEY_FILE + b"x", bytes(64), b"\xff" * 64])
def test_what_is_no_secret_key_is_refused(secret: bytes) -> None:
    with pytest.raises(UnusableKey):
        WorkerKey.from_bytes(secret)


def test_it_is_made_once_with_mode_0600_and_found_again(tmp_path: Path) -> None:
    path = tmp_path / "worker.key"
    key = WorkerKey.load_or_create(path, KEYS)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["worker.key"]
    assert WorkerKey.load_or_create(path, KEYS).to_bytes() == key.to_bytes()
    assert WorkerKey.load_or_create(tmp_path / "another.key", KEYS).public != key.public


def test_it_is_not_in_the_file_in_the_clear(tmp_path: Path) -> None:
    path = tmp_path / "worker.key"
    key = WorkerKey.load_or_create(path, KEYS)
    sealed = path.read_bytes()
    assert key.to_bytes()[:32] not in sealed
    assert key.to_bytes()[32:] not in sealed


def test_it_shows_its_public_half_only() -> None:
    key = WorkerKey.from_seed(SEED)
    assert repr(key) == str(key) == f"WorkerKey(public={WORKER_PUBLIC.hex()})"


def load(path: Path) -> bytes:
    return WorkerKey.load_or_create(path, KEYS).public


def test_processes_that_start_at_once_have_the_same_key(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        assert len(set(pool.map(load, [tmp_path / "worker.key"] * 8))) == 1


@pytest.mark.parametrize("position", [0, 5, 40, -1])
def test_a_damaged_key_is_never_replaced(tmp_path: Path, position: int) -> None:
    """Another key in its place would lose every secret and all boot data."""
    path = tmp_path / "worker.key"
    WorkerKey.load_or_create(path, KEYS)
    damaged = bytearray(path.read_bytes())
    damaged[position] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(UnusableKey, match="damaged"):
        WorkerKey.load_or_create(path, KEYS)
    assert path.read_bytes() == damaged


@pytest.mark.parametrize("content", [b"", b"\x01", b"short", bytes(93)])
def test_what_was_never_a_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "worker.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(UnusableKey):
        WorkerKey.load_or_create(path, KEYS)
    assert path.read_bytes() == content


def test_a_key_sealed_under_another_node_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "worker.key"
    WorkerKey.load_or_create(path, KEYS)
    with pytest.raises(UnusableKey, match="another node key"):
        WorkerKey.load_or_create(path, OTHER_KEYS)


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "worker.key"
    WorkerKey.load_or_create(path, KEYS)
    path.chmod(0o640)
    with pytest.raises(UnusableKey, match="chmod 600"):
        WorkerKey.load_or_create(path, KEYS)


def test_a_key_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnusableKey, match="cannot be written"):
        WorkerKey.load_or_create(tmp_path / "missing" / "worker.key", KEYS)
    with pytest.raises(UnusableKey, match="cannot be written"):
        WorkerKey.import_original(WORKER_KEY_FILE, tmp_path / "missing" / "worker.key", KEYS)


def test_a_link_to_nowhere_is_not_written_through(tmp_path: Path) -> None:
    path = tmp_path / "worker.key"
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnusableKey):
        WorkerKey.load_or_create(path, KEYS)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("surplus", [b"", b"and what the original ignores"])
def test_an_original_s_key_is_imported(tmp_path: Path, surplus: bytes) -> None:
    path = tmp_path / "worker.key"
    WorkerKey.import_original(WORKER_KEY_FILE + surplus, path, KEYS)
    assert path.stat().st_mode & 0o777 == 0o600
    assert WorkerKey.load_or_create(path, KEYS).to_bytes() == WORKER_KEY_FILE


@pytest.mark.parametrize("content", [b"", WORKER_KEY_FILE[:63], bytes(64)])
def test_what_is_no_original_s_key_is_not_imported(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UnusableKey):
        WorkerKey.import_original(content, tmp_path / "worker.key", KEYS)
    assert list(tmp_path.iterdir()) == []


def test_an_import_never_replaces_a_key(tmp_path: Path) -> None:
    path = tmp_path / "worker.key"
    before = WorkerKey.load_or_create(path, KEYS)
    with pytest.raises(WorkerKeyExists):
        WorkerKey.import_original(WORKER_KEY_FILE, path, KEYS)
    assert WorkerKey.load_or_create(path, KEYS).public == before.public
    assert [entry.name for entry in tmp_path.iterdir()] == ["worker.key"]


def test_an_original_s_file_in_its_place_is_told_how_to_import(tmp_path: Path) -> None:
    path = tmp_path / "worker.key"
    path.write_bytes(WORKER_KEY_FILE)
    path.chmod(0o600)
    with pytest.raises(UnusableKey, match="import"):
        WorkerKey.load_or_create(path, KEYS)


def test_signatures_differ_and_are_all_valid() -> None:
    key = WorkerKey.from_seed(SEED)
    signatures = {key.sign(ContentType.RPC_RESPONSE, b"") for _ in range(3)}
    assert len(signatures) == 3
    assert all(key.verify(ContentType.RPC_RESPONSE, b"", signature) for signature in signatures)

"""The training of the guest's heap layout (guest/train.py)."""

import sys
from pathlib import Path

import pytest

GUEST = Path(__file__).parent.parent.parent / "guest"


async def test_training_finds_the_blocks_that_the_list_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list in the repository is of this guest: what a hello writes of the platform's blocks is in it."""
    monkeypatch.syspath_prepend(str(GUEST))
    import train  # type: ignore[import-not-found]

    for name in ("build", "sources", "stores", "train"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(train, "SAMPLES", tuple(sample for sample in train.SAMPLES if sample.name == "hello"))
    training = train.Training(train.build(tmp_path / "training.wasm", say=False, training=True).read_bytes())
    await training.run()
    found = {number for _, numbers in training.groups() for number in numbers}
    listed = {int(word) for word in train.LAYOUT.read_text().split() if word.isdigit()}
    assert len(found) > 50
    assert len(found - listed) <= len(found) / 20, "run python guest/train.py"

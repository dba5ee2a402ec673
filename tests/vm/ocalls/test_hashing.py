"""Running digests (docs/abi.md, 1020 to 1023)."""

import pytest

from tests.vm.puppet import BUFFER, Puppet
from wapo.engine.engine import Engine
from wapo.vm.ocalls.hashing import _ALGORITHMS


@pytest.mark.parametrize("algorithm", _ALGORITHMS)
async def test_a_running_digest_goes_on_after_it_was_looked_at(engine: Engine, algorithm: int) -> None:
    """Each look is the digest of all that came before. (Keccak's ended the guest with a failure of the host.)"""
    at = BUFFER + 1000
    async with Puppet(engine) as puppet:
        first, second = puppet.put(b"first", BUFFER), puppet.put(b"second", BUFFER + 5)
        length = await puppet.call(1020, algorithm, BUFFER, 11, at)
        whole = puppet.get(length, at)
        await puppet.call(1020, algorithm, BUFFER, 5, at)
        half = puppet.get(length, at)
        assert await puppet.replay([(1021, algorithm), (1022, 0, *first), (1023, 0, at)]) == [0, 0, length]
        assert puppet.get(length, at) == half
        assert await puppet.replay([(1023, 0, at), (1022, 0, *second), (1023, 0, at)]) == [length, 0, length]
        assert puppet.get(length, at) == whole

"""What tests of Wapo.SCALE share."""

import pytest_asyncio

from tests.agents.scale.evaluator import Evaluator, make_evaluator
from tests.agents.support import Workshop


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def js(shared_workshop: Workshop) -> Evaluator:
    """Evaluates expressions in an agent."""
    return await make_evaluator(shared_workshop)

"""Expressions in a real agent that has ``SCALE``, and their values in Python."""

import json
from typing import Any

from tests.agents.support import Workshop
from wapo.agents.image import AgentImage
from wapo.vm.limits import GuestLimits

#: Values that JSON has no form for go as an object of one member.
AGENT = """
const S = Wapo.SCALE;
const u8 = (...bytes) => Uint8Array.of(...bytes);
const plain = (value) => {
  if (value === undefined) return { $undefined: true };
  if (typeof value === 'bigint') return { $bigint: `${value}` };
  if (value instanceof Uint8Array) return { $bytes: value.toHex() };
  if (Array.isArray(value)) return value.map(plain);
  if (value !== null && typeof value === 'object')
    return { $object: Object.keys(value).map((key) => [key, plain(value[key])]) };
  return value;
};
export default {
  async fetch(request) {
    const source = await request.text();
    let answer;
    try {
      answer = plain(eval(source));
    } catch (error) {
      answer = { $error: `${error}` };
    }
    return Response.json(answer);
  },
};
"""

UNDEFINED = object()


class BigInt(int):
    """A BigInt of JavaScript: never equal to a number."""

    __hash__ = int.__hash__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BigInt) and int(self) == int(other)


class Thrown(Exception):
    """What an expression threw: its text."""


def _value(plain: Any) -> Any:
    if isinstance(plain, list):
        return [_value(item) for item in plain]
    if not isinstance(plain, dict):
        return plain
    [(kind, content)] = plain.items()
    match kind:
        case "$undefined":
            return UNDEFINED
        case "$bigint":
            return BigInt(content)
        case "$bytes":
            return bytes.fromhex(content)
        case "$error":
            raise Thrown(content)
        case _:
            return {key: _value(item) for key, item in content}


class Evaluator:
    """Evaluates JavaScript, each expression in a machine of its own."""

    def __init__(self, workshop: Workshop, image: AgentImage) -> None:
        self._workshop = workshop
        self._image = image

    async def __call__(self, expression: str, limits: GuestLimits | None = None) -> Any:
        """The value. Records become dicts, BigInts ``BigInt``, a Uint8Array bytes.

        Raises:
            Thrown: the expression threw.
        """
        response = await self._workshop.ask(
            self._image, "POST", body=expression.encode(), limits=limits or GuestLimits()
        )
        return _value(json.loads(response.body))

    async def attempt(self, expression: str) -> tuple[Any, str | None]:
        """The value and None, or None and the text of what it throws."""
        try:
            return await self(expression), None
        except Thrown as thrown:
            return None, str(thrown)

    async def error(self, expression: str) -> str:
        """The text of what it throws."""
        value, text = await self.attempt(expression)
        assert text is not None, f"{expression} threw nothing, and gave {value!r}"
        return text


async def make_evaluator(workshop: Workshop) -> Evaluator:
    return Evaluator(workshop, await workshop.image(AGENT))

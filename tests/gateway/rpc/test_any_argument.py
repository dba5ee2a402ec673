"""Calls with arguments that make no sense, or nearly: each is an answer of the method's, none a failure of the node."""

import json
from random import Random
from typing import Any

from tests.gateway.conftest import Listening
from wapo.gateway.rpc.operation import operation_methods
from wapo.gateway.rpc.schema import FIELDS, MESSAGES
from wapo.gateway.rpc.user import user_methods

TEXTS = (
    "",
    "x",
    "sha256:",
    "sha256:" + "0" * 64,
    "sha512:zz",
    "a\0b",
    "\u2028é",
    "x" * 300,
    "0x",
    "//Alice",
    "0x" + "1" * 64,
)
BYTES = (
    b"",
    b"\0",
    b"\1",
    b"\xff" * 4,
    bytes(32),
    b"\1" + bytes(32),
    bytes(9),
    b"\xff" * 32,
    bytes(300),
    b"\1\6\xff\xff\xff\xff",
)
NUMBERS = (0, 1, 2, 63, 2**31, 2**32 - 1, 2**53, 2**63 - 1, 2**63, 2**64 - 1)


def drawn(random: Random, name: str) -> Any:
    """A message of that name, with anything in it that it can hold."""
    message = MESSAGES[name]()
    for field, kind, _ in FIELDS[name]:
        if random.random() < 0.3:
            continue
        repeated = kind.startswith("repeated ")
        kind = kind.removeprefix("repeated ")
        values = [_value(random, kind) for _ in range(random.choice((0, 1, 2, 70)) if repeated else 1)]
        if repeated:
            getattr(message, field).extend(values)
        elif kind in FIELDS:
            getattr(message, field).CopyFrom(values[0])
        else:
            setattr(message, field, values[0])
    return message


def _value(random: Random, kind: str) -> Any:
    if kind in FIELDS:
        return drawn(random, kind)
    if kind == "u32":
        return random.choice(NUMBERS) & 0xFFFFFFFF
    return random.choice({"string": TEXTS, "bytes": BYTES, "bool": (True, False), "u64": NUMBERS}[kind])


JSON_VALUES = (None, True, 0, -1, 1.5, 1e400, 2**64, "x", "0x0", [], [[]], {}, {"a": 1}, [None], [["a", "b"]], [["a"]])


async def test_every_method_answers_whatever_it_is_asked(listening: Listening) -> None:
    random = Random(3)
    address = (await listening.site.deploy(resizable=True)).address
    methods = {**operation_methods(listening.site.worker), **user_methods(listening.site.worker)}
    del methods["Operation.WorkerExit"]
    for number in range(600):
        name = random.choice(sorted(methods))
        client = listening.user if name.startswith("User.") else listening.admin
        if not listening.site.worker.apps:  # it has been removed
            await listening.site.deploy(resizable=True)
        argument = drawn(random, methods[name].argument)
        for field in ("address", "app_address"):
            if hasattr(argument, field) and random.random() < 0.5:
                setattr(argument, field, address if field == "address" else b"\1" + address)
        body = argument.SerializeToString()
        query = ""
        match random.randrange(4):
            case 0:
                cut = bytearray(body)
                for _ in range(3):
                    cut[random.randrange(len(cut) + 1) :] = random.randbytes(random.randrange(4))
                body = bytes(cut)
            case 1:
                fields = {field: random.choice(JSON_VALUES) for field, _, _ in FIELDS[methods[name].argument]}
                body, query = json.dumps(fields).encode(), "?json"
        response = await client.post(f"/prpc/{name}{query}", content=body)
        assert response.status_code in (200, 400), (number, name, body, response.status_code, response.content)

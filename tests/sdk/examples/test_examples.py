"""Every example is run by a test, and explained."""

from pathlib import Path

from tests.sdk.support import EXAMPLES, Host

NAMES = sorted(path.stem for path in EXAMPLES.glob("*.c"))


def test_every_example_has_a_test() -> None:
    tested = {path.stem.removeprefix("test_") for path in Path(__file__).parent.glob("test_*.py")}
    assert {*NAMES} - {"hello"} <= tested


def test_every_example_is_in_the_readme() -> None:
    text = (EXAMPLES / "README.md").read_text()
    assert [name for name in NAMES if f"[{name}.c]({name}.c)" not in text] == []


async def test_the_example_hello(host: Host) -> None:
    async with host.start(EXAMPLES / "hello.c") as started:
        await started.succeeds()
        assert started.lines == [f"hello, number {number}" for number in (1, 2, 3)]

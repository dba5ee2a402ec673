"""Imports of agents: what a specifier means, what comes of it in a real machine, and what may go wrong on the way.

Content is real, and in a library on the disk; machines are real ones.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.agents.support import LIMITS, Log, Workshop
from wapo.agents import imports, making
from wapo.agents.image import AgentImage, ImageKind
from wapo.agents.imports import Imports
from wapo.agents.messages import AgentFailed
from wapo.agents.modules import (
    ContentModules,
    ImportRefused,
    LocalModules,
    Modules,
    address_of,
    imports_relative_files,
)
from wapo.agents.prefetch import Prefetch
from wapo.content.cid import Cid
from wapo.content.library import Library, open_library
from wapo.vm.limits import GuestLimits

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOT_HERE = "bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def library(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Library]:
    async with open_library(tmp_path_factory.mktemp("content")) as opened:
        yield opened


async def publish(library: Library, source: str | Path) -> str:
    return str((await library.publish(source.encode() if isinstance(source, str) else source)).v1())


async def folder_of(library: Library, path: Path, **files: str) -> str:
    """A published directory; names with ``__`` for a slash and ``_`` before the suffix."""
    for name, content in files.items():
        file = path / (name.replace("__", "/").replace("_", ".") if "_" in name else f"{name}.js")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return await publish(library, path)


async def image(
    workshop: Workshop, library: Library, source: str, name: str = "agent.js", limits: GuestLimits = LIMITS,
    modules: Modules | None = None,
) -> AgentImage:  # fmt: skip
    key = f"{name} {source}"
    return await workshop.images.make(
        key, lambda: source.encode(), limits, key, name, modules or ContentModules(library)
    )


async def answer(workshop: Workshop, library: Library, source: str, **options: Any) -> str:
    made = await image(workshop, library, source, **options)
    return (await workshop.ask(made)).body.decode()


def serving(expression: str) -> str:
    return f"export default {{ async fetch() {{ return new Response(String({expression})); }} }};"


class TestNames:
    ROOT = Cid.parse("QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n")
    DIRECTORY = f"ipfs://{ROOT.v1()}"

    @pytest.mark.parametrize(
        ("importer", "specifier", "name"),
        [
            ("agent.js", f"ipfs://{ROOT}", ""),
            ("agent.js", f"ipfs://{ROOT}/", ""),
            ("agent.js", f"ipfs://{ROOT}/a//./b/../c.js", "/a/c.js"),
            ("agent.js", f"ipfs://{ROOT}/%C3%A9%20%3F.js", "/%C3%A9%20%3F.js"),
            ("agent.js", f"ipfs://{ROOT}/é ~(1)@2.js", "/%C3%A9%20~(1)@2.js"),
            (f"{DIRECTORY}/a/b.js", "./c.js", "/a/c.js"),
            (f"{DIRECTORY}/a/b.js", "../c.js", "/c.js"),
            (f"{DIRECTORY}/a%20b/c.js", "./d.js", "/a%20b/d.js"),
            (f"{DIRECTORY}/a.js", f"ipfs://{ROOT}/b.js", "/b.js"),
        ],
    )
    async def test_of_content(self, library: Library, importer: str, specifier: str, name: str) -> None:
        """One file of one directory has one name, however it is written."""
        assert ContentModules(library).name(importer, specifier) == self.DIRECTORY + name

    @pytest.mark.parametrize(
        ("importer", "specifier", "why"),
        [
            ("agent.js", "lodash", "only ipfs://<cid>"),
            ("agent.js", "https://example.com/a.js", "only ipfs://<cid>"),
            ("agent.js", "/a.js", "only ipfs://<cid>"),
            ("agent.js", "", "only ipfs://<cid>"),
            ("agent.js", "./a.js", "need a directory"),
            (DIRECTORY, "./a.js", "need a directory"),
            ("ipfs://nonsense/a.js", "./b.js", "nonsense"),
            ("agent.js", "ipfs://", "write ipfs://<cid>"),
            ("agent.js", f"ipfs://ipfs/{ROOT}", "write ipfs://<cid>"),
            ("agent.js", f"ipfs:///ipfs/{ROOT}", "write ipfs://<cid>"),
            ("agent.js", "ipfs://QmNotACid", "QmNotACid"),
            ("agent.js", f"ipfs://{ROOT}/../x", "leads out of the directory"),
            (f"{DIRECTORY}/a/b.js", "../../c.js", "leads out of the directory"),
            (f"{DIRECTORY}/b.js", "./c.js?v=1", "no query"),
            (f"{DIRECTORY}/b.js", "./c.js#x", "no query"),
            (f"{DIRECTORY}/b.js", "./a%2Fb.js", "neither a slash"),
        ],
    )
    async def test_what_means_nothing(self, library: Library, importer: str, specifier: str, why: str) -> None:
        with pytest.raises(ImportRefused, match=why):
            ContentModules(library).name(importer, specifier)

    async def test_of_files_of_this_machine(self, library: Library, tmp_path: Path) -> None:
        (tmp_path / "src" / "lib").mkdir(parents=True)
        (tmp_path / "src" / "lib" / "a.js").write_text("a")
        (tmp_path / "secret.js").write_text("secret")
        (tmp_path / "src" / "link.js").symlink_to(tmp_path / "secret.js")

        async def opened() -> Library:
            return library

        modules = LocalModules(tmp_path / "src", opened)
        assert modules.name("main.js", "./lib/../lib/a.js") == "lib/a.js"
        assert modules.name("lib/a.js", "../main.js") == "main.js"
        with pytest.raises(ImportRefused, match="leads out"):
            modules.name("main.js", "../secret.js")
        assert await modules.read("lib/a.js") == b"a"
        for name in ("../secret.js", "link.js", str(tmp_path / "secret.js")):  # a guest may say any name
            with pytest.raises(ImportRefused, match="leads out"):
                await modules.read(name)
        for name in ("lib", "none.js", "a\0b", "x" * 5000):
            with pytest.raises(ImportRefused):
                await modules.read(name)
        before = modules.fingerprint()
        assert modules.fingerprint() == before
        (tmp_path / "src" / "none.js").write_text("there now")
        between = modules.fingerprint()
        (tmp_path / "src" / "lib" / "a.js").write_text("b")
        assert len({before, between, modules.fingerprint()}) == 3
        cid = await publish(library, "export const x = 1;")
        assert await modules.read(modules.name("main.js", f"ipfs://{cid}")) == b"export const x = 1;"

    @pytest.mark.parametrize(
        ("source", "relative"),
        [
            ("import a from './a.js';", True),
            ('import"./a.js"', True),
            ("export*from'../a.js'", True),
            ("await import ( `./${name}.js` )", True),
            ("import(/* webpackIgnore: true */ './a.js')", True),
            ("import a\n  from\n  './a.js'", True),
            ("const path = './a.js';", False),
            ("read('../a')", False),
            ("import a from 'ipfs://x/./a.js'", False),
            ("refrom './a'", False),
            ("'./'" * 20_000, True),  # nobody looks at more of them than that
        ],
    )
    async def test_which_programs_are_a_part_of_their_directory(self, source: str, relative: bool) -> None:
        assert imports_relative_files(source.encode()) is relative


class TestGraphs:
    async def test_static_and_dynamic_imports_of_an_address(self, shared_workshop: Workshop, library: Library) -> None:
        cid = await publish(library, "export const x = 'here'; export default import.meta.url;")
        source = f"import url, {{ x }} from 'ipfs://{cid}';" + serving(
            f"[x, url, await import('ipfs://{cid}').then((m) => m.default === url), import.meta.url]"
        )
        made = await image(shared_workshop, library, source)
        assert (made.kind, made.convention) == (ImageKind.INITIALISED, "fetch")
        for _ in range(2):
            body = (await shared_workshop.ask(made)).body.decode()
            assert body == f"here,ipfs://{cid},true,file:///agent.js"

    async def test_a_dynamic_import_while_a_request_is_served(
        self, shared_workshop: Workshop, library: Library
    ) -> None:
        """In a module and in a classic script; the machine is as its image again afterwards."""
        cid = await publish(
            library, "globalThis.count = (globalThis.count ?? 0) + 1; export const count = globalThis.count;"
        )
        module = serving(f"(await import('ipfs://{cid}')).count + (await import('ipfs://{cid}/')).count")
        script = f"var module = {{ exports: async () => ({{ body: String((await import('ipfs://{cid}')).count) }}) }};"
        for source, expected in ((module, "2"), (script, "1")):
            made = await image(shared_workshop, library, source)
            assert [(await shared_workshop.ask(made)).body.decode() for _ in range(3)] == [expected] * 3

    async def test_a_directory_with_cycles_json_and_a_top_level_await(
        self, shared_workshop: Workshop, library: Library, tmp_path: Path
    ) -> None:
        """The program itself is a member of the cycle, and is there once."""
        main = (
            "import { a } from './lib/a.js'; import data from './data.json' with { type: 'json' };"
            "export const main = () => 'main'; globalThis.loaded = (globalThis.loaded ?? 0) + 1;"
            + serving("[a(), data.list, globalThis.loaded]")
        )
        root = await folder_of(
            library, tmp_path / "site", main_js=main, data_json='{"list": ["x", 1]}',
            lib__a_js="import { main } from '../main.js'; export { b } from './b.js'; export const a = () => 'a' + main() + later; const later = await Promise.resolve('!');",
            lib__b_js="import { a } from './a.js'; export const b = () => a();",
        )  # fmt: skip
        name = address_of(Cid.parse(root), ("main.js",))
        assert await answer(shared_workshop, library, main, name=name) == "amain!,x,1,1"

    async def test_a_compiled_program_has_its_graph_with_it(self, shared_workshop: Workshop, library: Library) -> None:
        cid = await publish(library, "export const at = Date.now();")
        made = await image(shared_workshop, library, f"import {{ at }} from 'ipfs://{cid}';" + serving("at > 1e12"))
        assert (made.kind, made.touched) == (ImageKind.COMPILED, {"clock"})
        made.modules = None  # it needs none any more
        assert (await shared_workshop.ask(made)).body == b"true"

    async def test_stacks_name_the_imported_file(self, shared_workshop: Workshop, library: Library) -> None:
        cid = await publish(library, "export function fail() {\n  throw new Error('from there');\n}\n")
        made = await image(shared_workshop, library, f"import {{ fail }} from 'ipfs://{cid}';" + serving("fail()"))
        log = Log()
        with pytest.raises(AgentFailed, match="from there") as failure:
            await shared_workshop.start(made, log=log).answer()
        assert f"at fail (ipfs://{cid}:2:" in str(failure.value)

    async def test_long_rows_of_modules(self, shared_workshop: Workshop, library: Library) -> None:
        """A hundred modules that import each other one after the other; one more is an error, not the end."""
        cid = await publish(library, "export default 0;")
        for _ in range(98):
            cid = await publish(library, f"import below from 'ipfs://{cid}'; export default below + 1;")
        hundred = await publish(library, f"import below from 'ipfs://{cid}'; export default below + 1;")
        assert await answer(shared_workshop, library, f"import n from 'ipfs://{hundred}';" + serving("n")) == "99"
        more = await publish(library, f"import below from 'ipfs://{hundred}'; export default below + 1;")
        broken = await image(shared_workshop, library, f"import n from 'ipfs://{more}';" + serving("n"))
        assert broken.kind is ImageKind.BROKEN
        assert broken.error is not None
        assert "the stack has no room" in broken.error

    async def test_bounds_in_number_and_in_bytes(self, workshop_with_small_bounds: Workshop, library: Library) -> None:
        workshop = workshop_with_small_bounds
        cids = [await publish(library, f"export default {n};") for n in range(6)]
        text = "".join(f"import 'ipfs://{cid}';\n" for cid in cids[:5])
        assert (await image(workshop, library, text + serving("1"))).kind is ImageKind.INITIALISED
        broken = await image(workshop, library, text + f"import 'ipfs://{cids[5]}';" + serving("2"))
        assert "more than 5 modules are imported" in str(broken.error)
        large = await publish(library, f"export default '{'x' * (20 << 10)}';")
        other = await publish(library, f"export default '{'y' * (20 << 10)}';")
        assert (await image(workshop, library, f"import 'ipfs://{large}';" + serving("3"))).error is None
        broken = await image(workshop, library, f"import 'ipfs://{large}'; import 'ipfs://{other}';" + serving("4"))
        assert "what is imported has more than 32768 bytes" in str(broken.error)


@pytest.fixture
def workshop_with_small_bounds(shared_workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    monkeypatch.setattr(imports, "MAX_MODULES", 5)
    monkeypatch.setattr(
        Imports.__init__, "__kwdefaults__", {**(Imports.__init__.__kwdefaults__ or {}), "max_bytes": 32 << 10}
    )
    return shared_workshop


class TestFailures:
    async def broken(self, workshop: Workshop, library: Library, source: str) -> str:
        made = await image(workshop, library, source)
        assert made.kind is ImageKind.BROKEN
        with pytest.raises(AgentFailed) as failure:
            await workshop.ask(made)
        return str(failure.value)

    @pytest.mark.parametrize(
        ("specifier", "why"),
        [
            ("lodash", "only ipfs://<cid>[/<path>] and, in a published directory, ./ and ../ can be imported"),
            ("./x.js", "./ and ../ need a directory"),
            ("wapo:native", "it belongs to the runtime"),
            ("wapo:main.js", "it belongs to the runtime"),
            ("ipfs://bafkqabtimvwgy3yk/x", "nothing at /x below a file"),
            ("ipfs://bafkqaaa\\ud800", ""),
        ],
    )
    async def test_a_specifier_that_means_nothing(
        self, shared_workshop: Workshop, library: Library, specifier: str, why: str
    ) -> None:
        text = await self.broken(shared_workshop, library, f"import '{specifier}';" + serving("1"))
        assert text.startswith("TypeError: cannot import '")
        assert why in text
        caught = f"await import('{specifier}').catch((e) => e instanceof TypeError && e.message)"
        assert (await answer(shared_workshop, library, serving(caught))).startswith("cannot import '")

    async def test_the_importing_file_is_named(
        self, shared_workshop: Workshop, library: Library, tmp_path: Path
    ) -> None:
        root = await folder_of(
            library, tmp_path / "site", a_js="import './lib/b.js';", lib__b_js="import './none.js';",
            lib__c_js="let x = ;", lib__d_js="import { nothing } from '../a.js';",
        )  # fmt: skip
        text = await self.broken(shared_workshop, library, f"import 'ipfs://{root}/a.js';" + serving("1"))
        assert f"cannot import 'ipfs://{root}/lib/none.js' from 'ipfs://{root}/lib/b.js': " in text
        assert "without an entry 'none.js'" in text
        text = await self.broken(shared_workshop, library, f"import 'ipfs://{root}/lib';" + serving("1"))
        assert f"cannot import 'ipfs://{root}/lib' from 'agent.js': {root}/lib is a directory" in text
        text = await self.broken(shared_workshop, library, f"import 'ipfs://{root}/lib/c.js';" + serving("1"))
        assert text.startswith("SyntaxError")
        assert f"ipfs://{root}/lib/c.js:1:" in text

    async def test_a_name_that_is_not_exported(self, shared_workshop: Workshop, library: Library) -> None:
        """That is found when the graph is linked, which is a part of running it."""
        cid = await publish(library, "export const x = 1;")
        made = await image(shared_workshop, library, f"import {{ y }} from 'ipfs://{cid}';" + serving("y"))
        with pytest.raises(AgentFailed, match=f"SyntaxError: Could not find export 'y' in module 'ipfs://{cid[:40]}"):
            await shared_workshop.ask(made)

    @pytest.mark.parametrize(
        ("content", "why"),
        [
            (b"\0asm\1\0\0\0", "a WebAssembly module"), (b"a\0b", "a NUL byte"), (b"caf\xe9", "not valid UTF-8"),
            (b"\xef\xbb\xbfexport const x = ;", "SyntaxError"),
        ],
    )  # fmt: skip
    async def test_content_that_is_no_module(
        self, shared_workshop: Workshop, library: Library, content: bytes, why: str
    ) -> None:
        cid = (await library.publish(content)).v1()
        assert why in await self.broken(shared_workshop, library, f"import 'ipfs://{cid}';" + serving("1"))

    async def test_import_attributes(self, shared_workshop: Workshop, library: Library) -> None:
        cid = await publish(library, '{"a": 1}')
        for attributes, expected in [
            ("{ type: 'json' }", "1"), ("{}", "SyntaxError"), ("{ type: 'css' }", "TypeError"), ("{ kind: 'json' }", "TypeError"),
        ]:  # fmt: skip
            dynamic = f"await import('ipfs://{cid}', {{ with: {attributes} }}).then((m) => m.default.a, (e) => e.name)"
            assert await answer(shared_workshop, library, serving(dynamic)) == expected, attributes
        bad = (await library.publish(b"{ nope")).v1()
        caught = f"await import('ipfs://{bad}', {{ with: {{ type: 'json' }} }}).catch((e) => e.name)"
        assert await answer(shared_workshop, library, serving(caught)) == "SyntaxError"

    async def test_a_graph_that_failed_half_way_is_forgotten(
        self, shared_workshop: Workshop, library: Library, tmp_path: Path
    ) -> None:
        """``b`` was complete and pointed back to ``a``, which has failed: importing ``b`` later tries ``a`` again."""
        root = await folder_of(
            library, tmp_path / "site", a_js="import './b.js'; import './none.js'; export const a = 1;",
            b_js="import { a } from './a.js'; export const b = 2; export const sum = () => a + b;",
            c_js="export const c = 3;",
        )  # fmt: skip
        source = f"""
const outcomes = [];
export default {{ async fetch() {{
  for (let round = 0; round < 3; round++) {{
    for (const name of ['a', 'b', 'c']) {{
      outcomes.push(await import('ipfs://{root}/' + name + '.js').then((m) => Object.keys(m).join(), (e) => e.name));
    }}
  }}
  return Response.json(outcomes);
}} }};"""
        outcomes = json.loads(await answer(shared_workshop, library, source))
        assert outcomes == ["TypeError", "TypeError", "c"] * 3

    async def test_what_is_not_there_yet_is_tried_again(self, shared_workshop: Workshop, tmp_path: Path) -> None:
        """A program that statically imports it fails without being remembered as broken; one that catches the failure
        runs its top level at each request."""
        content = b"export default 'arrived';"
        async with open_library(tmp_path / "other") as elsewhere:
            cid = (await elsewhere.publish(content)).v1()
        async with open_library(tmp_path / "empty") as library:
            static = f"import x from 'ipfs://{cid}';" + serving("x")
            caught = f"const x = await import('ipfs://{cid}').then((m) => m.default, () => 'absent');" + serving("x")
            for _ in range(2):
                with pytest.raises(Exception, match="is not in the local store") as failure:
                    await image(shared_workshop, library, static)
                assert (failure.value.code, failure.value.status) == ("import_failed", 502)  # type: ignore[attr-defined]
            made = await image(shared_workshop, library, caught)
            assert (made.kind, "import" in made.touched) == (ImageKind.COMPILED, True)
            assert (await shared_workshop.ask(made)).body == b"absent"
            assert str(await library.publish(content))
            assert await answer(shared_workshop, library, static) == "arrived"
            assert (await shared_workshop.ask(made)).body == b"arrived"


class _Slow(ContentModules):
    """Content that arrives when the test says so."""

    def __init__(self, library: Library) -> None:
        super().__init__(library)
        self.asked = asyncio.Event()
        self.open = asyncio.Event()

    async def read(self, name: str) -> bytes:
        self.asked.set()
        await self.open.wait()
        return await super().read(name)


class TestWaiting:
    async def test_a_machine_that_waits_for_an_import_stands_still_and_can_be_ended(
        self, shared_workshop: Workshop, library: Library
    ) -> None:
        cid = await publish(library, "export default 1;")
        made = await image(shared_workshop, library, serving(f"(await import('ipfs://{cid}')).default"))
        made.modules = slow = _Slow(library)
        run = shared_workshop.start(made)
        await slow.asked.wait()
        assert await answer(shared_workshop, library, serving("'another'")) == "another"
        assert run.response is None
        slow.open.set()
        assert (await run.answer()).body == b"1"
        slow.open.clear()
        limited = shared_workshop.start(made, limits=GuestLimits(time_s=0.05))
        with pytest.raises(Exception, match=r"time limit of 0\.05 s"):
            await limited.answer()

    async def test_images_that_wait_for_imports_keep_nobody_else_from_being_made(
        self, shared_workshop: Workshop, library: Library
    ) -> None:
        cid = await publish(library, "export default 'late';")
        slow = _Slow(library)
        waiting = [
            asyncio.create_task(
                image(shared_workshop, library, f"import x from 'ipfs://{cid}';" + serving(f"x + {n}"), modules=slow)
            )
            for n in range(5)
        ]
        await slow.asked.wait()
        assert await answer(shared_workshop, library, serving("'made meanwhile'")) == "made meanwhile"
        slow.open.set()
        made = await asyncio.gather(*waiting)
        assert [(await shared_workshop.ask(one)).body for one in made] == [b"late%d" % n for n in range(5)]
        assert shared_workshop.images._gate._value == 2

    async def test_a_program_whose_imports_come_too_late_is_not_broken(
        self, shared_workshop: Workshop, library: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(making, "_BUILD_LIMITS", GuestLimits(memory_bytes=1 << 30, burst_s=20.0, time_s=0.1))
        cid = await publish(library, "export default 'at last';")
        slow = _Slow(library)
        source = f"import x from 'ipfs://{cid}';" + serving("x")
        with pytest.raises(making.ImportFailed, match="time limit"):
            await image(shared_workshop, library, source, limits=GuestLimits(time_s=0.1), modules=slow)
        slow.open.set()
        made = await image(shared_workshop, library, source, limits=GuestLimits(time_s=5), modules=slow)
        assert made.kind is ImageKind.INITIALISED

    async def test_a_top_level_that_only_had_to_wait_is_initialised_all_the_same(
        self, shared_workshop: Workshop, library: Library
    ) -> None:
        cid = await publish(library, "export default 'worth it';")
        slow = _Slow(library)
        source = f"import x from 'ipfs://{cid}';" + serving("x")
        making = asyncio.create_task(
            image(shared_workshop, library, source, limits=GuestLimits(time_s=0.2), modules=slow)
        )
        await slow.asked.wait()
        await asyncio.sleep(0.25)  # the first try's time is over
        slow.open.set()
        assert (await making).kind is ImageKind.INITIALISED


class TestFetchingAhead:
    async def test_a_graph_is_fetched_side_by_side(
        self, shared_workshop: Workshop, library: Library, tmp_path: Path
    ) -> None:
        """All that one module imports is asked for before any of it has come, and what those import as soon as they have;
        nothing is read twice by the engine, and a guess that was wrong harms nobody."""
        leaves = {f"leaf{n}": f"export default {n};" for n in range(6)}
        root = await folder_of(
            library, tmp_path / "site", **leaves,
            main_js="".join(f"import l{n} from './leaf{n}.js';" for n in range(6)) + "export default [l0, l5];",
        )  # fmt: skip

        class Gated(ContentModules):
            together = 0
            most = 0

            async def read(self, name: str) -> bytes:
                self.together += 1
                self.most = max(self.most, self.together)
                await asyncio.sleep(0.02)
                self.together -= 1
                return await super().read(name)

        modules = Gated(library)
        source = f"import l from 'ipfs://{root}/main.js'; const text = \"import 'ipfs://{NOT_HERE}'\";" + serving("l")
        made = await image(shared_workshop, library, source, modules=modules)
        assert (await shared_workshop.ask(made)).body == b"0,5"
        assert 6 <= modules.most <= 8
        assert made.kind is ImageKind.INITIALISED

    async def test_what_is_looked_at_is_bounded(self, library: Library) -> None:
        class Counted(ContentModules):
            asked = 0

            async def read(self, name: str) -> bytes:
                self.asked += 1
                return b"x" * 1000

        many = b"".join(b"import 'ipfs://%s/%d';" % (NOT_HERE.encode(), n) for n in range(3000))
        modules = Counted(library)
        for most, bound in ((1 << 20, 500), (20_000, 30)):
            modules.asked = 0
            ahead = Prefetch(modules, most)
            ahead.look("agent.js", many)
            while ahead._tasks:
                await asyncio.sleep(0)
            assert 0 < modules.asked <= bound
            ahead.close()
        ahead = Prefetch(modules, 1 << 20)
        ahead.look("agent.js", many)
        ahead.close()
        await asyncio.gather(*ahead._tasks, return_exceptions=True)
        assert not ahead._tasks


class TestHostileGuests:
    async def test_deep_nesting_at_the_end_of_a_long_row(self, shared_workshop: Workshop, library: Library) -> None:
        """The stack that is left then is small, and what does not fit is an exception, not the machine's end."""
        for nested in (
            "[" * 100_000,
            "(" * 100_000,
            "`${" * 50_000,
            "{" * 100_000,
            "x=>" * 100_000,
            "1," + "-" * 100_000,
        ):
            cid = await publish(library, nested)
            for _ in range(97):
                cid = await publish(library, f"import 'ipfs://{cid}';")
            source = serving(f"await import('ipfs://{cid}').then(() => 'loaded', (e) => e instanceof Error)")
            assert await answer(shared_workshop, library, source) == "true"

    async def test_files_with_names_like_the_runtimes(
        self, shared_workshop: Workshop, library: Library, tmp_path: Path
    ) -> None:
        for name in ("wapo:native", "wapo:main.js"):
            (tmp_path / name).write_text("export default 1;")

        async def opened() -> Library:
            return library

        for name in ("wapo:native", "wapo:main.js"):
            source = serving(f"await import('./{name}').catch((e) => e.message)")
            text = await answer(shared_workshop, library, source, modules=LocalModules(tmp_path, opened))
            assert text == f"cannot import './{name}': it belongs to the runtime"

    async def test_calls_that_the_engine_would_not_make(self, library: Library) -> None:
        """Any name, any bytes: an answer or an error code, never an exception of the host."""
        plenty = Imports(ContentModules(library))
        for name in (
            "",
            "/",
            "ipfs://",
            "ipfs://x",
            "ipfs:///",
            "\ufffd",
            "ipfs://bafkqaaa/\0",
            "lib/a.js",
            f"ipfs://{NOT_HERE}/%",
        ):
            suspension = plenty.source(name)
            while not suspension.ready:
                await asyncio.sleep(0)
            assert suspension.error is None
            assert suspension.result[0] == 1
            assert plenty.name(name, "./x")[0] == 1 or name.startswith("ipfs://bafkq") or NOT_HERE in name
        none = Imports(None)
        assert none.name("agent.js", f"ipfs://{NOT_HERE}") == b"\1nothing can be imported here"

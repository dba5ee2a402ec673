"""Builds wapojs.wasm: QuickJS-ng, Ada and our port, compiled with the C compiler that is in the ``ziglang`` wheel.

    python guest/build.py [--tests] [output]

Objects and the linked module are cached by the hash of everything that went into them, so a build of unchanged sources
only hashes files. Two builds give the same bytes: sources have fixed relative paths, and nothing dates or strips by
chance. The cache is ``$WAPO_BUILD_CACHE``, else ``wapo/build`` in ``$XDG_CACHE_HOME`` or ``~/.cache``.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from preemption import FLAG, instrument
from sources import Source, fetch, pinned

GUEST = Path(__file__).resolve().parent
PORT = GUEST / "wapojs"
LAYOUT = PORT / "heap_layout.txt"
OUTPUT = GUEST.parent / "src" / "wapo" / "agents" / "wapojs.wasm"

COMMON = [
    "--target=wasm32-wasi", "-O3", "-msimd128", "-fno-sanitize=undefined", "-DNDEBUG", "-g0", "-fno-exceptions",
    "-ffile-prefix-map=.=wapojs",
]  # fmt: skip
C_FLAGS = ["-std=gnu23", "-D_GNU_SOURCE", "-D_WASI_EMULATED_SIGNAL", "-D_WASI_EMULATED_PROCESS_CLOCKS"]
OUR_C_FLAGS = ["-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", "-Wno-cast-function-type"]
CXX_FLAGS = ["-std=c++20", "-fno-rtti", "-DADA_INCLUDE_URL_PATTERN=1"]
# Long memory.copy and memory.fill cannot be interrupted: memory.c, and nobody else, has them.
WITHOUT_BULK = ["-mno-bulk-memory", "-mno-bulk-memory-opt"]
WITH_BULK = ["-mbulk-memory", "-mbulk-memory-opt", "-fno-builtin"]
# Cranelift keeps fewer values in registers the larger the interpreter's one function is: clang's own limit is 250.
ENGINE_FLAGS = ["-mllvm", "-inline-threshold=100"]
# heap.c defines malloc: the compiler must not take its calls of itself for what it knows of libc.
HEAP_FLAGS = ["-fno-builtin-malloc", "-fno-builtin-calloc", "-fno-builtin-realloc", "-fno-builtin-free"]
LINK = [
    "--target=wasm32-wasi", "-mexec-model=reactor", "-O3", "-lwasi-emulated-signal", "-lwasi-emulated-process-clocks",
    "-Wl,--strip-all", "-Wl,-z,stack-size=1048576", "-Wl,--export=wapo_poll",
    f"-Wl,--export={FLAG}",
]  # fmt: skip

#: What guest/train.py wants to find.
TRAINING_LINK = [
    f"-Wl,--export={name}"
    for name in ("layout_blocks", "layout_block_count", "layout_sealed_at", "layout_map", "layout_arena")
]


@dataclass(frozen=True)
class Unit:
    """One source file: where it is, and what it is compiled with."""

    path: Path
    flags: list[str]
    depends: list[Path]


def cache_directory() -> Path:
    chosen = os.environ.get("WAPO_BUILD_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "wapo" / "build"


def zig(*arguments: str, cwd: Path) -> None:
    cache = cache_directory() / "zig"
    environment = os.environ | {"ZIG_GLOBAL_CACHE_DIR": str(cache), "ZIG_LOCAL_CACHE_DIR": str(cache)}
    command = [sys.executable, "-m", "ziglang", *arguments]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


def platform_modules() -> list[tuple[str, Path]]:
    """The JavaScript files by the name that they are imported under."""
    root = PORT / "js"
    return [(path.relative_to(root).as_posix(), path) for path in sorted(root.rglob("*.js"))]


def test_modules() -> list[tuple[str, Path]]:
    """The platform's tests, by their path in the repository."""
    root = GUEST.parent
    return [(path.relative_to(root).as_posix(), path) for path in sorted((root / "tests" / "guest").rglob("*.js"))]


def embed(modules: list[tuple[str, Path]], folder: Path) -> None:
    """Writes the table of the platform's modules, with their bytes, as a C header."""
    lines = ["/* Written by guest/build.py. */"]
    entries = []
    for index, (name, path) in enumerate(modules):
        data = path.read_bytes()
        (folder / f"module_{index}.js").write_bytes(data + b"\0")
        lines.append(f'static const unsigned char module_{index}[] = {{\n#embed "module_{index}.js"\n}};')
        entries.append(f'    {{ "{name}", module_{index}, {len(data)} }},')
    lines += ["static const platform_module platform_modules[] = {", *entries, "};"]
    lines.append(f"static const size_t platform_module_count = {len(modules)};")
    (folder / "platform_modules.h").write_text("\n".join(lines) + "\n")


def write_layout(folder: Path) -> None:
    """Writes what ``heap_layout.txt`` says as a C header: block numbers by group, and where the groups begin."""
    starts, blocks = [0], []
    for line in LAYOUT.read_text().splitlines():
        words = line.split()
        if words[:1] == ["group"]:
            starts.append(starts[-1] + int(words[1]))
        elif words and words[0] != "#":
            blocks += [(int(word), len(starts) - 2) for word in words]
    blocks.sort()
    lines = [
        "/* Written by guest/build.py. */",
        f"enum {{ HOT_COUNT = {len(blocks)}, HOT_FIRST = {blocks[0][0] if blocks else 0} }};",
        f"enum {{ HOT_GROUPS = {len(starts)}, HOT_BYTES = {starts[-1] + 8} }};",
        f"static const uint32_t hot_groups[HOT_GROUPS + 1] = {{ {', '.join(map(str, [*starts, starts[-1]]))} }};",
        "static const hot_block hot_blocks[HOT_COUNT + 1] = {",
        *(f"    {{ {number}, {group} }}," for number, group in blocks),
        "};",
    ]
    (folder / "layout_table.h").write_text("\n".join(lines) + "\n")


def digest(*parts: str | bytes) -> str:
    state = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        state.update(len(data).to_bytes(8, "little") + data)
    return state.hexdigest()


def compiler_version() -> str:
    from importlib.metadata import version

    return version("ziglang")


def units(sources: dict[str, tuple[Source, Path]], generated: Path, tests: bool, training: bool = False) -> list[Unit]:
    quickjs, ada = sources["quickjs-ng"], sources["ada-url"]
    c, cxx = ["-w", *C_FLAGS, *WITHOUT_BULK], ["-w", *CXX_FLAGS, *WITHOUT_BULK]
    heap = [PORT / "c" / "heap.h", PORT / "c" / "layout.h"]  # quickjs.c takes its small blocks from there
    flags = [*c, *ENGINE_FLAGS, "-I", str(PORT / "c")]
    found = [Unit(quickjs[1] / f, flags, [*sorted(quickjs[1].glob("*.h")), *heap]) for f in quickjs[0].files]
    found += [Unit(ada[1] / f, cxx, sorted(ada[1].glob("*.h"))) for f in ada[0].files]
    ours = sorted((PORT / "c").glob("*.h"))
    include_quickjs = ["-isystem", str(quickjs[1])]
    for path in sorted((PORT / "c").glob("*.c")):
        extra = [generated / "platform_modules.h", *sorted(generated.glob("*.js"))] if path.name == "loader.c" else []
        if path.name == "layout.c":
            extra = [generated / "layout_table.h"]
        bulk = WITH_BULK if path.name == "memory.c" else WITHOUT_BULK
        flags = [*C_FLAGS, *OUR_C_FLAGS, *include_quickjs, "-I", str(generated), *bulk]
        if path.name == "heap.c":
            flags += HEAP_FLAGS
        if path.name == "layout.c" and training:
            flags.append("-DLAYOUT_TRAINING")
        if path.name == "loader.c" and tests:
            flags.append("-DWAPOJS_TESTS")
        found.append(Unit(path, flags, [*ours, *extra]))
    for path in sorted((PORT / "c").glob("*.cc")):
        flags = [*CXX_FLAGS, "-Wall", "-Wno-c99-designator", *include_quickjs, "-isystem", str(ada[1]), *WITHOUT_BULK]
        found.append(Unit(path, flags, ours))
    # Linked last: the arena, which begins with what most requests write, lies behind the other files' variables.
    found.sort(key=lambda unit: unit.path.name == "layout.c")
    return found


def key_of(unit: Unit, places: dict[str, str]) -> str:
    """Hash of all that decides the object's bytes; folders are named by what they hold, not where they are."""
    flags = [next((name for place, name in places.items() if flag == place), flag) for flag in unit.flags]
    contents = [path.name.encode() + b"\0" + path.read_bytes() for path in [unit.path, *unit.depends]]
    return digest(compiler_version(), *COMMON, *flags, *contents)


def compile_unit(unit: Unit, key: str, objects: Path) -> Path:
    target = objects / f"{key}.o"
    if not target.exists():
        language = "c++" if unit.path.suffix in (".cc", ".cpp") else "cc"
        partial = objects / f"{key}.{os.getpid()}.part.o"
        # Compiled from its own folder by its bare name, so that no path of this machine gets into the object.
        zig(language, *COMMON, *unit.flags, "-c", unit.path.name, "-o", str(partial), cwd=unit.path.parent)
        partial.replace(target)
    return target


def build(output: Path = OUTPUT, say: bool = True, tests: bool = False, training: bool = False) -> Path:
    """Makes ``output`` and returns it. With ``tests`` the platform's own tests are in it, and start with it."""
    started = time.monotonic()
    cache = cache_directory()
    objects = cache / "objects"
    objects.mkdir(parents=True, exist_ok=True)

    def tell(text: str) -> None:
        if say:
            print(f"wapojs: {text}", file=sys.stderr, flush=True)

    kept = cache / "sources"
    sources = {s.name: (s, fetch(s, kept)) for s in pinned(GUEST / "sources.toml")}
    with tempfile.TemporaryDirectory() as scratch:
        generated = Path(scratch)
        embed(platform_modules() + (test_modules() if tests else []), generated)
        write_layout(generated)
        link = [*LINK, *(TRAINING_LINK if training else [])]
        places = {str(folder): name for name, (_, folder) in sources.items()} | {str(generated): "generated"}
        places[str(PORT / "c")] = "wapojs"
        wanted = [(unit, key_of(unit, places)) for unit in units(sources, generated, tests, training)]
        checks = "".join((GUEST / name).read_text() for name in ("preemption.py", "wasm_binary.py"))
        linked = cache / "linked" / f"{digest(compiler_version(), *link, checks, *(key for _, key in wanted))}.wasm"
        if not linked.exists():
            missing = [unit.path.name for unit, key in wanted if not (objects / f"{key}.o").exists()]
            if missing:
                tell(f"compiling {', '.join(missing)}" + (" (a minute or two, once)" if len(missing) > 3 else ""))
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                parts = list(pool.map(lambda w: compile_unit(w[0], w[1], objects), wanted))
            linked.parent.mkdir(exist_ok=True)
            folder = generated / "link"
            folder.mkdir()
            for index, part in enumerate(parts):
                shutil.copy(part, folder / f"{index:02}.o")
            names = [f"{index:02}.o" for index in range(len(parts))]
            zig("cc", *link, *names, "-o", "wapojs.wasm", cwd=folder)
            partial = linked.with_suffix(f".{os.getpid()}.part")
            partial.write_bytes(instrument((folder / "wapojs.wasm").read_bytes()))
            partial.replace(linked)
    output.parent.mkdir(parents=True, exist_ok=True)
    if not output.exists() or output.read_bytes() != linked.read_bytes():
        partial = output.with_suffix(f".{os.getpid()}.part")
        shutil.copyfile(linked, partial)
        partial.replace(output)
    tell(f"{output.name}, {output.stat().st_size >> 10} KiB, in {time.monotonic() - started:.1f} s")
    return output


if __name__ == "__main__":
    words = sys.argv[1:]
    with_tests = "--tests" in words
    paths = [Path(word).resolve() for word in words if not word.startswith("-")]
    if with_tests and not paths:
        raise SystemExit("a build with tests needs an output of its own")
    build(paths[0] if paths else OUTPUT, tests=with_tests)

"""What running processes have said of themselves."""

import json
import os
import subprocess
import sys
from pathlib import Path

from wapo.confinement.record import processes, record
from wapo.confinement.wall import Layer

LAYERS = [Layer("files", "full", "closed")]


def test_a_living_process_is_found_with_what_the_kernel_says(tmp_path: Path) -> None:
    record(tmp_path, LAYERS)
    (found,) = processes(tmp_path)
    assert (found.pid, found.layers) == (os.getpid(), LAYERS)
    assert found.kernel.keys() == {"NoNewPrivs", "Seccomp", "CapEff", "CapPrm"}


def test_one_without_a_wall_says_so(tmp_path: Path) -> None:
    record(tmp_path, None)
    assert processes(tmp_path)[0].layers is None


def test_no_node_has_no_processes(tmp_path: Path) -> None:
    assert processes(tmp_path) == []


def test_the_dead_are_passed_over_and_removed(tmp_path: Path) -> None:
    """Their number may be another process's by now."""
    script = (
        f"from pathlib import Path\nfrom wapo.confinement.record import record\nrecord(Path({str(tmp_path)!r}), [])"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
    (dead,) = (tmp_path / "processes").iterdir()
    taken = tmp_path / "processes" / f"{os.getppid()}.json"
    taken.write_text(json.dumps({"started": -1, "layers": []}))
    assert processes(tmp_path) == []
    record(tmp_path, LAYERS)
    assert not dead.exists()
    assert not taken.exists()


def test_files_that_make_no_sense_are_nobodys(tmp_path: Path) -> None:
    folder = tmp_path / "processes"
    folder.mkdir()
    (folder / f"{os.getpid()}.json").write_text("{")
    (folder / "x.json").write_text("{}")
    assert processes(tmp_path) == []

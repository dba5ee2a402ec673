"""What a server takes, over all its processes: CPU seconds and physical memory, from /proc."""

import os
from pathlib import Path

__all__ = ["cpu_s", "family", "pss_kb"]

_TICKS = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    found = [pid]
    for parent in found:
        for path in Path(f"/proc/{parent}/task").glob("*/children"):
            found += map(int, path.read_text().split())
    return found


def cpu_s(pid: int) -> float:
    """User and system time of a process and its living descendants."""
    total = 0
    for member in family(pid):
        fields = Path(f"/proc/{member}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / _TICKS


def pss_kb(pid: int) -> int:
    """Proportional set size: a page that n processes share counts 1/n in each."""
    total = 0
    for member in family(pid):
        for line in Path(f"/proc/{member}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total

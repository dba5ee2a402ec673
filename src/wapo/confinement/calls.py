"""System calls by number, for each machine that there is a filter for, and which of them no node needs.

Numbers are those of the kernel's ``asm/unistd_64.h``; from 424 on they are the same everywhere. None: the machine has
no such call. ``tests/confinement/test_calls.py`` compares them with the kernel's headers.
"""

import platform
from dataclasses import dataclass
from typing import Final

__all__ = ["ARGUMENTS", "FORBIDDEN", "Machine", "machine"]

#: Forbidden whatever the arguments. Each either gets out of this process, or into parts of the kernel that have nothing
#: for a node and a long history.
FORBIDDEN: Final[dict[str, tuple[int | None, int | None]]] = {
    # Other programs and other processes
    "execve": (59, 221),
    "execveat": (322, 281),
    "fork": (57, None),
    "vfork": (58, None),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "kcmp": (312, 272),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    # Memory, queues and semaphores that others of the same user have, too
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "semget": (64, 190),
    "semop": (65, 193),
    "semctl": (66, 191),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    # Mounts and namespaces
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "open_tree_attr": (467, 467),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "statmount": (457, 457),
    "listmount": (458, 458),
    "setns": (308, 268),
    "unshare": (272, 97),
    # Files by handle go around directories
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
    # The kernel itself
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "create_module": (174, None),
    "reboot": (169, 142),
    "syslog": (103, 116),
    "acct": (163, 89),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "vhangup": (153, 58),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
    "uselib": (134, None),
    "nfsservctl": (180, 42),
    "lookup_dcookie": (212, 18),
    "personality": (135, 92),
    # Clocks
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    # Where most holes of the last years were
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "vmsplice": (278, 75),
}

#: Forbidden with some arguments, or (``seccomp``, ``clone3``) for the filter's own use.
ARGUMENTS: Final[dict[str, tuple[int, int]]] = {
    "ioctl": (16, 29),
    "socket": (41, 198),
    "clone": (56, 220),
    "clone3": (435, 435),
    "kill": (62, 129),
    "tkill": (200, 130),
    "tgkill": (234, 131),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "prlimit64": (302, 261),
    "seccomp": (317, 277),
}


@dataclass(frozen=True)
class Machine:
    """A processor's calls.

    Attributes:
        audit: its number in the kernel's audit (``AUDIT_ARCH_*``), which a filter is told.
        forbidden, arguments: numbers of the calls above.
        foreign_from: from this number on, calls are those of another binary interface; None: there is none.
    """

    name: str
    audit: int
    forbidden: dict[str, int]
    arguments: dict[str, int]
    foreign_from: int | None


_COLUMNS: Final = {"x86_64": (0, 0xC000003E, 0x40000000), "aarch64": (1, 0xC00000B7, None)}


def machine(name: str | None = None) -> Machine | None:
    """This computer's, or that one's; None if it is not known here."""
    name = name or platform.machine()
    known = _COLUMNS.get(name)
    if known is None:
        return None
    column, audit, foreign_from = known
    forbidden = {call: number for call, numbers in FORBIDDEN.items() if (number := numbers[column]) is not None}
    return Machine(name, audit, forbidden, {call: numbers[column] for call, numbers in ARGUMENTS.items()}, foreign_from)

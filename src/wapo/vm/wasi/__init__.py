"""WASI preview 1 and preview 0 for guests, without ever blocking the event loop (wapo-abi.md 1.4).

From the border inwards: ``functions`` assembles the host functions; ``process``, ``clocks``, ``fd_calls``,
``path_calls`` and ``poll`` are their groups; ``state`` is what one guest has open, in a table of ``descriptors``:
``stdio`` (whose ``inputs`` and ``outputs`` the runner gives), ``files`` and ``directories``. ``opening`` and ``names``
do what takes a path, ``beneath`` keeps paths inside the directories that are ``grants``, ``waiting`` has the threads.
``layout``, ``errno``, ``rights`` and ``memory`` are the interface's structures, and ``system_calls`` what Python lacks.
"""

from wapo.vm.wasi.functions import CLOCK_READ, RANDOM_READ, wasi_functions
from wapo.vm.wasi.grants import CannotGrant, Grant, OpenGrant, opened
from wapo.vm.wasi.inputs import BytesInput, DescriptorInput, Input
from wapo.vm.wasi.outputs import DescriptorOutput, Output
from wapo.vm.wasi.state import WasiSettings, WasiState

__all__ = [
    "CLOCK_READ", "RANDOM_READ", "BytesInput", "CannotGrant", "DescriptorInput", "DescriptorOutput", "Grant", "Input",
    "OpenGrant", "Output", "WasiSettings", "WasiState", "opened", "wasi_functions",
]  # fmt: skip

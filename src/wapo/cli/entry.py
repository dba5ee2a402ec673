"""What the ``wapo`` script and ``python -m wapo`` call."""

import gc
import signal

__all__ = ["main"]


def main() -> None:
    """The command line. Who interrupts while it is being loaded, which takes a moment, gets no traceback out of the
    middle of some library for that."""
    gc.disable()  # a sixth of the start went into looking at modules that stay; see run_async
    heard = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # else it is ignored, and stays so
    if heard:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from wapo.cli.main import main as run_command

    if heard:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    run_command()

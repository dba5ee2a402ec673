"""What crosses the border between guest and host, as bytes: call numbers, packing, messages, error codes. No I/O.

Between node and world, too: ``manifest``, ``session``, ``registration``, ``prices`` and ``metrics`` are the SCALE
structures of node-and-gateway 3.5, which workers sign.

The rules are those of ``wapo-abi.md``; what is ours (numbers from 1000 up) is documented in ``docs/abi.md``.
"""

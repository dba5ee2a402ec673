"""What crosses the border between guest and host, as bytes: call numbers, packing, messages, error codes. No I/O.

The rules are those of ``wapo-abi.md``; what is ours (numbers from 1000 up) is documented in ``docs/abi.md``.
"""

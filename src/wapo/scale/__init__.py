"""The SCALE codec (Parity's), without I/O. ``primitives`` has what the guest ABI and the node's RPC use."""

"""Cryptographic operations for guests (docs/abi.md, 1030 to 1033): a request of bytes in, bytes out.

The libraries do the work; here are their calls, the forms in which keys cross the border, and what is refused. Nothing
keeps a key: it comes with each request, so no guest can name another's, and a key may be part of an image.
"""

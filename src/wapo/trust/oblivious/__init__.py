"""Messages encrypted to a node's key (Oblivious HTTP, RFC 9458), whole or in chunks (draft-ietf-ohai-chunked-ohttp).

What is encrypted is a request or a response as one piece of bytes (``binary_http``, with integers of ``varint``).
``suites`` has the algorithms, ``configuration`` the public key as callers get it, ``chunks`` the framing of chunks;
``receiving`` is the node's side, ``sending`` the caller's. HPKE (RFC 9180) is a library's.
"""

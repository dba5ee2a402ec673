"""Keys and their derivation, sealing, signatures: whose they are and what they say. No network.

From the bottom up:

* keys at rest: ``key_files``, ``keys`` (the node's root key), ``seal``, ``worker_key`` (the worker's sr25519 key);
* libraries, each behind one module: ``schnorr`` (sr25519), ``ecdh`` (Ristretto), ``keccak``, ``signers`` (all kinds of
  signatures of callers);
* what others know the node by, and what it says of exchanges: ``identity``, ``receipts``, ``message_signatures``
  (receipts as HTTP has them), ``merkle`` (the log that they are in);
* what the worker signs: ``domains`` (kinds of messages), ``app_data``, ``response_signature``, ``quote``;
* TEEs: the room ``attestation`` has its own list;
* secrets of apps: ``derivation``, ``boot_data``;
* queries: ``query_signature`` (bytes), ``eip712``, ``query_verification`` (who has sent it), ``query_errors`` (why
  not), ``encrypted_query``; ``ss58`` (accounts as people write them).
"""

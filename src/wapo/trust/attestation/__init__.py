"""Attestation: what a TEE says about this node, and what that is worth.

From the bottom up:

* ``canonical`` (length-prefixed bytes), ``report_data`` (what a quote is bound to), ``measurements`` (what a quote
says,
  read strictly), ``genuine`` (whose signatures are on it);
* ``provider`` (the interface, and the provider ``none``), ``dstack``, ``tdx``, ``sgx``; ``helper`` (a provider in a
  process of its own), ``detection`` (which of them this machine has).

What is said of collateral, dates and revocation is not here but in :mod:`wapo.verify`, which is for those who ask.
"""

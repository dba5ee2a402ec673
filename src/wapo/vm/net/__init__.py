"""Networking of guests, below their resources: addresses, names, connections out, TLS, the shared TLS port.

``addresses`` -> ``budget`` -> ``readiness`` -> ``resolver`` -> ``dialer`` (one way out for raw connections) ->
``tls_config`` -> ``tls_socket`` -> ``tls_port`` (one TLS listener for all programs, routed by server name) ->
``network`` (what one process has of all that).
"""

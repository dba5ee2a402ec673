"""The worker: WebAssembly apps that are deployed here, long-running or on demand (node-and-gateway 2 to 6).

``blobs`` (files by hash) -> ``programs`` (compiled modules) -> ``records`` (what survives a restart) -> ``session``
(accounting periods) -> ``boot_data``, ``locks`` -> ``services`` (what apps may ask) -> ``instance`` (one running copy)
-> ``app`` (its instances, who serves a query) -> ``worker`` (the one object that RPC and commands talk to).
"""

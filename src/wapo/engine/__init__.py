"""wasmtime, and nothing else touches it: modules and their cache, instances, fibers, images, limits.

``capi`` (the C API, its types, ownership) -> ``engine`` (settings, epochs) -> ``modules`` (compile, cache)
-> ``linker`` (host functions) -> ``fiber`` (a call that can be suspended) -> ``instance`` (store, memory, limits)
-> ``image`` (a memory, kept and mapped copy-on-write).

The engine knows no JavaScript and no network.
"""

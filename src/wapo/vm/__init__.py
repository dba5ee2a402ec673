"""One running guest: its poll loop, its tasks and wakers, its table of resources, its meter.

The rules are those of ``wapo-abi.md``; this room knows no HTTP server and no agents. ``resources/`` has one file a
capability. A room above adds ocalls of its own by giving ``ocalls.Dispatcher`` more handlers.
"""

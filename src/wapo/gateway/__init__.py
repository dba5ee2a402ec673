"""HTTP in: ASGI routes for agents, vaults, logs and content. Knows HTTP, knows no guest.

``app`` is the ASGI application: agents go the short way (``agents``), everything else through Starlette's routes.
"""

"""The JavaScript profile: entry conventions, images of agents, a request in, a response out.

``messages`` (request, response, failures) -> ``conventions`` (what an output means) -> ``run`` (one request, as the
guest sees it) -> ``calls`` (its ocalls) -> ``profile`` (the engine for JavaScript) -> ``images`` (agents, ready to
start) -> ``invoke``.

Knows no gateway: a request is a method, a URL, headers and a body; where they came from is not its business.
"""

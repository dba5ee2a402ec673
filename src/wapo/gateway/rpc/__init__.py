"""The worker's RPC, "prpc" (node-and-gateway 2.3, 2.4, section 3): protobuf or JSON over HTTP.

``schema`` (the messages) -> ``json_form`` (their JSON) -> ``transport`` (a request in, a reply out) -> ``operation``
and ``user`` (the methods of the two services).
"""

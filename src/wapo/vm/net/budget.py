"""How many sockets guests may hold: descriptors are the process's, and the node needs most of them for itself.

They are divided among owners (``shares``), so one program with a thousand connections leaves some for all others.
"""

import resource
from typing import Final

from wapo.vm.shares import FairShare

__all__ = ["SocketBudget", "socket_budget"]

#: The part of the process's descriptors that guests may have as raw sockets. Half are the gateway's clients, a quarter
#: is for requests of guests through the host's HTTP client.
_PART: Final = 8

SocketBudget = FairShare


def socket_budget() -> SocketBudget:
    """The budget of this process, by the limit of descriptors that it has now."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return FairShare(max(16, (1 << 20 if limit == resource.RLIM_INFINITY else limit) // _PART))

"""Resource numbers (wapo-abi.md 5.1): the lowest free index first, starting at 0, at most 8192 at once."""

import heapq
from collections.abc import Iterator
from typing import Final

from wapo.abi.results import OcallError, OcallFailure
from wapo.vm.resources.base import Resource

__all__ = ["MAX_RESOURCES", "ResourceTable"]

MAX_RESOURCES: Final = 8192


class ResourceTable:
    """The resources of one guest."""

    __slots__ = ("_free", "_items", "_limit")

    def __init__(self, limit: int = MAX_RESOURCES) -> None:
        self._items: list[Resource | None] = []
        self._free: list[int] = []
        self._limit = limit

    def __len__(self) -> int:
        return len(self._items) - len(self._free)

    def __iter__(self) -> Iterator[Resource]:
        return (resource for resource in self._items if resource is not None)

    @property
    def room(self) -> int:
        """How many more there may be."""
        return self._limit - len(self)

    def add(self, resource: Resource) -> int:
        """Stores a resource and returns its number.

        Raises:
            OcallFailure: ``RESOURCE_LIMITED`` when the table is full; the resource is closed.
        """
        if self._free:
            number = heapq.heappop(self._free)
            self._items[number] = resource
            return number
        if len(self._items) >= self._limit:
            resource.close()
            raise OcallFailure(OcallError.RESOURCE_LIMITED)
        self._items.append(resource)
        return len(self._items) - 1

    def get(self, number: int) -> Resource:
        """The resource of that number (unsigned, as it came from the guest).

        Raises:
            OcallFailure: ``NOT_FOUND``.
        """
        if number < len(self._items):
            resource = self._items[number]
            if resource is not None:
                return resource
        raise OcallFailure(OcallError.NOT_FOUND)

    def replace(self, number: int, resource: Resource) -> None:
        """Another resource in the place of one that the caller has; that is not closed."""
        self._items[number] = resource

    def remove(self, number: int) -> None:
        """Closes the resource and frees its number.

        Raises:
            OcallFailure: ``NOT_FOUND``.
        """
        resource = self.get(number)
        self._items[number] = None
        heapq.heappush(self._free, number)
        resource.close()

    def discard(self, number: int, resource: Resource) -> None:
        """As :meth:`remove`, if that number still is that resource's."""
        if number < len(self._items) and self._items[number] is resource:
            self.remove(number)

    def close(self) -> None:
        """Closes everything. Idempotent."""
        items, self._items, self._free = self._items, [], []
        for resource in items:
            if resource is not None:
                resource.close()

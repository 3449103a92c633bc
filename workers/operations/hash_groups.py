"""Which hashes of 64 bits belong together, since they differ in few bits. Runs in a worker.

Two that differ in at most d bits are the same in one of d + 1 bands of bits at least (multi-index
hashing; M. Norouzi et al., "Fast Search in Hamming Space with Multi-Index Hashing", 2012), so only
those that share a band are compared: one pair in 73 where six bits may differ.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

_BITS: Final = 64
# So many hashes are compared with so many at once: 16 MB, and the second level's cache for a row.
_ROWS: Final = 1 << 9
_COLUMNS: Final = 1 << 12

Hashes = NDArray[np.uint64]
Places = NDArray[np.intp]


def alike_leaders(hashes: Hashes, distance: int) -> Places:
    """Return the place of the first of its group for each hash.

    Two belong to one group that are at most `distance` bits apart, and who is alike to one of a
    group belongs to it.
    """
    leaders = np.arange(len(hashes))
    for sharing in _sharing(hashes, distance):
        if len(np.unique(_first(leaders, sharing))) > 1:
            _join_alike(hashes, leaders, sharing, distance)
    return _first(leaders, np.arange(len(hashes)))


def _sharing(hashes: Hashes, distance: int) -> Iterator[Places]:
    """Yield the places of hashes among which all alike ones are found, by and by."""
    bands = distance + 1
    width = _BITS // bands
    if 2 * bands > 1 << width:  # more would be compared than all with all
        yield np.arange(len(hashes))
        return
    for band in range(bands):
        shared = (hashes >> np.uint64(band * width)) & np.uint64((1 << width) - 1)
        order = np.argsort(shared, kind="stable")
        ends = np.flatnonzero(np.diff(shared[order])) + 1
        yield from (places for places in np.split(order, ends) if len(places) > 1)


def _join_alike(hashes: Hashes, leaders: Places, places: Places, distance: int) -> None:
    """Join the groups of those of the places that are alike."""
    for start in range(0, len(places), _ROWS):
        some = places[start : start + _ROWS]
        for other in range(start, len(places), _COLUMNS):
            others = places[other : other + _COLUMNS]
            apart = np.bitwise_count(hashes[some, None] ^ hashes[None, others])
            alike = apart <= distance
            if not alike.any():
                continue
            # One of each first: where many are alike, hardly a pair is left to be told.
            found = np.flatnonzero(alike.any(axis=0))
            _join(leaders, some[alike.argmax(axis=0)[found]], others[found])
            alike &= _first(leaders, some)[:, None] != _first(leaders, others)[None, :]
            one, second = np.nonzero(alike)
            _join(leaders, some[one], others[second])


def _join(leaders: Places, some: Places, others: Places) -> None:
    """Join the groups of each two; the first of both leads."""
    while len(some):
        one, other = _first(leaders, some), _first(leaders, others)
        differ = one != other
        some, others = some[differ], others[differ]
        low, high = np.minimum(one, other)[differ], np.maximum(one, other)[differ]
        np.minimum.at(leaders, high, low)


def _first(leaders: Places, places: Places) -> Places:
    """Return the first of each one's group, and let each know it from now on."""
    found = leaders[places]
    while (further := leaders[found] != found).any():
        found[further] = leaders[found[further]]
    leaders[places] = found
    return found

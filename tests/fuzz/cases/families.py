"""The families of cases, and how much of a whole each makes."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tests.fuzz.cases import indexing, pointwise, reductions, selections, views, wrong
from tests.fuzz.cases.given import Source


class Family(NamedTuple):
    """What is drawn, and its share in a hundred cases."""

    draw: Callable[[Source], str]
    share: int


FAMILIES = {
    "get": Family(indexing.get, 12),
    "put": Family(indexing.put, 12),
    "index_put": Family(indexing.index_put, 5),
    "views": Family(views.chain, 16),
    "binary": Family(pointwise.binary, 12),
    "ternary": Family(pointwise.ternary, 4),
    "unary": Family(pointwise.unary, 6),
    "promotion": Family(pointwise.promotion, 4),
    "reduce": Family(reductions.reduce, 6),
    "along": Family(reductions.along, 6),
    "join": Family(selections.join, 3),
    "gather": Family(selections.gather, 4),
    "rows": Family(selections.rows, 4),
    "wrong": Family(wrong.wrong, 6),
}

"""Matrix multiplication: every element is the sum of the products of a row and a column."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence

from corex.backend import Kernel, View

from .ieee import add_up
from .reduce import rows
from .views import Scalar, store


def dot(a: Sequence[Scalar], b: Sequence[Scalar]) -> Scalar:
    """The sum of the products: exact for integers, for floats with rounded products."""
    products = list(map(operator.mul, a, b))
    return add_up(products) if products and isinstance(products[0], float) else sum(products)


def matmul(out: View, a: View, b: View) -> None:
    """(B, M, K) x (B, K, N) -> (B, M, N)."""
    batches, m, n = out[2]
    buffer, dtype, (_, k, _), (per_batch, per_row, per_column), offset = b
    columns_first = (buffer, dtype, (batches, n, k), (per_batch, per_column, per_row), offset)
    a_rows, b_columns = rows(a), rows(columns_first)
    store(
        out,
        [
            dot(row, column)
            for batch in range(batches)
            for row in a_rows[batch * m : (batch + 1) * m]
            for column in b_columns[batch * n : (batch + 1) * n]
        ],
    )


KERNELS: Mapping[str, Kernel] = {"matmul": matmul}

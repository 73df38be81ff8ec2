"""Whether indices and values are those of a tensor: PyTorch's invariants and messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from corex import dtypes as dt
from corex.formats import Layout
from corex.layout import numel
from corex.ops.sparse.places import coordinates
from corex.ops.sparse.tensor import BLOCKS, BY_ROW, CompressedTensor
from corex.tensor.tensor import Tensor

enabled: bool | None = None
"""What `check_sparse_tensor_invariants` says; None: nothing was said."""


class check_sparse_tensor_invariants:  # noqa: N801 - PyTorch's name
    """Whether constructors look at all indices: as context, decorator, or by `enable` and
    `disable`.

    Unless it was said otherwise, those of coordinates are compared with the shape.
    """

    @staticmethod
    def is_enabled() -> bool:
        """Whether everything is checked."""
        return bool(enabled)

    @staticmethod
    def enable() -> None:
        """Checks everything from now on."""
        global enabled
        enabled = True

    @staticmethod
    def disable() -> None:
        """Checks nothing from now on."""
        global enabled
        enabled = False

    def __init__(self, enable: bool = True) -> None:
        self.state = enable
        self.before: bool | None = None

    def __enter__(self) -> None:
        global enabled
        self.before, enabled = enabled, self.state

    def __exit__(self, *error: object) -> None:
        global enabled
        enabled = self.before

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def checked(*args: Any, **kwargs: Any) -> Any:
            with type(self)(self.state):
                return function(*args, **kwargs)

        checked.__name__, checked.__doc__ = function.__name__, function.__doc__
        return checked


# ---- coordinates ---------------------------------------------------------------------------------
def check_coo_parts(indices: Tensor, values: Tensor) -> None:
    """
    Raises:
        RuntimeError: indices that are no matrix, or not as many as values.
    """
    if len(indices.shape) != 2:
        raise RuntimeError(f"indices must be sparse_dim x nnz, but got: {list(indices.shape)}")
    if not values.shape or indices.shape[1] != values.shape[0]:
        raise RuntimeError(
            f"indices and values must have same nnz, but got nnz from indices: "
            f"{indices.shape[1]}, nnz from values: {values.shape[0] if values.shape else 1}"
        )


def check_coo(indices: Tensor, values: Tensor, shape: tuple[int, ...], look: bool) -> None:
    """
    Raises:
        RuntimeError: sizes that do not fit, or (where we `look`) an index that is out of range.
    """
    sparse, dense = indices.shape[0], len(values.shape) - 1
    if len(shape) != sparse + dense:
        raise RuntimeError(
            f"'len(size) == sparse_dim + dense_dim' is not satisfied: len(size) = {len(shape)}, "
            f"sparse_dim = {sparse}, dense_dim = {dense}"
        )
    wanted = (values.shape[0], *shape[sparse:])
    if tuple(values.shape) != wanted:
        raise RuntimeError(
            f"values has incorrect size, expected {list(wanted)}, got {list(values.shape)}"
        )
    if not look or not numel(indices.shape):
        return
    lows, highs = indices.amin(1).tolist(), indices.amax(1).tolist()
    for dim, (low, high) in enumerate(zip(lows, highs, strict=True)):
        if low < 0:
            raise RuntimeError(f"found negative index {low} for dim {dim}")
        if high >= shape[dim]:
            raise RuntimeError(
                f"size is inconsistent with indices: for dim {dim}, size is {shape[dim]} but found "
                f"index {high}"
            )


# ---- compressed rows and columns -----------------------------------------------------------------
def names(layout: Layout) -> tuple[str, str]:
    """What the two kinds of indices are called."""
    if layout in BY_ROW:
        return "crow_indices", "col_indices"
    return "ccol_indices", "row_indices"


def _must(holds: bool, what: str) -> None:
    if not holds:
        raise RuntimeError(f"`{what}` is not satisfied.")


def check_compressed(t: CompressedTensor, look: bool) -> None:
    """
    Raises:
        RuntimeError: sizes that do not fit, or (where we `look`) wrong indices.
    """
    pointers, others, values = t.parts
    compressed, plain = names(t.layout_)
    for name, part in ((compressed, pointers), (plain, others)):
        if part.key.dtype not in (dt.int32, dt.int64):
            raise RuntimeError(
                f"`{name}` must be an int32 or int64 type, but got {part.key.dtype.name}"
            )
    if pointers.key.dtype is not others.key.dtype:
        raise RuntimeError(f"`{compressed}.dtype == {plain}.dtype` is not satisfied.")
    _must(len(pointers.shape) >= 1, f"{compressed}.ndim >= 1")
    _must(len(pointers.shape) == len(others.shape), f"{compressed}.ndim == {plain}.ndim")
    block_dims = 2 if t.layout_ in BLOCKS else 0
    _must(
        len(values.shape) >= len(others.shape) + block_dims and len(t.shape) >= t.batch_dims + 2,
        "values.ndim == batch_dim + 1 + block_dim + dense_dim",
    )
    lines = t.shape[t.batch_dims + (not t.by_row)] // max(t.blocksize[not t.by_row], 1)
    across = t.shape[t.batch_dims + t.by_row] // max(t.blocksize[t.by_row], 1)
    kind = "nrows" if t.by_row else "ncols"
    _must(pointers.shape[-1] == lines + 1, f"{compressed}.shape[-1] == {kind} + 1")
    batch, nnz = pointers.shape[:-1], others.shape[-1]
    _must(others.shape[:-1] == batch, f"{plain}.shape[:-1] == batch_shape")
    _must(
        tuple(values.shape[: len(others.shape)]) == tuple(others.shape),
        "values.shape[:batch_dim + 1] == (*batch_shape, nnz)",
    )
    dense = tuple(t.shape[t.batch_dims + 2 :])
    _must(
        tuple(values.shape[len(others.shape) + block_dims :]) == dense,
        "values.shape[batch_dim + 1 + block_dim:] == dense_shape",
    )
    if look:
        _look(t, compressed, plain, kind, nnz, lines, across)


def _look(
    t: CompressedTensor, compressed: str, plain: str, kind: str, nnz: int, lines: int, across: int
) -> None:
    pointers, others = t.pointers_, t.others_
    _must(_all(pointers.select(-1, 0) == 0), f"{compressed}[..., 0] == 0")
    _must(_all(pointers.select(-1, lines) == nnz), f"{compressed}[..., -1] == nnz")
    limit = "ncols" if t.by_row else "nrows"
    steps = pointers.narrow(-1, 1, lines) - pointers.narrow(-1, 0, lines)
    _must(
        _all((steps >= 0) & (steps <= across)),
        f"0 <= {compressed}[..., 1:] - {compressed}[..., :-1] <= {limit}",
    )
    _must(
        _all((others >= 0) & (others < across)),
        f"0 <= {plain} < {limit}",
    )
    batch, row, col = coordinates(t)
    one, other = (row, col) if t.by_row else (col, row)
    place = (batch * lines + one) * across + other
    sorted_ = not place.shape[0] or _all(place.narrow(0, 1, place.shape[0] - 1) > place[:-1])
    _must(
        sorted_,
        f"{plain}[..., {compressed}[..., i - 1]:{compressed}[..., i]] for all i = 1, ..., {kind} "
        f"are sorted and distinct along the last dimension values",
    )


def _all(mask: Tensor) -> bool:
    return bool(mask.all())

"""What a sparse tensor is: indices and values, which are dense tensors, and a shape.

It has no memory of its own. Whoever asks for it, as every op of dense tensors does, gets a
`LayoutError`, by which the call finds its way to the sparse op of that name (`table`).
"""

from __future__ import annotations

from typing import Any, NoReturn

from corex.device import device
from corex.dtypes import DType
from corex.errors import LayoutError
from corex.formats import Layout, sparse_bsc, sparse_bsr, sparse_coo, sparse_csc, sparse_csr
from corex.layout import numel
from corex.tensor.node import Node
from corex.tensor.tensor import TENSOR_TYPES, Size, Tensor, alias

COMPRESSED = (sparse_csr, sparse_csc, sparse_bsr, sparse_bsc)
BLOCKS = (sparse_bsr, sparse_bsc)
BY_ROW = (sparse_csr, sparse_bsr)

KINDS = {
    sparse_coo: "Sparse",
    sparse_csr: "SparseCsr",
    sparse_csc: "SparseCsc",
    sparse_bsr: "SparseBsr",
    sparse_bsc: "SparseBsc",
}
"""What PyTorch calls the layouts in messages."""


class SparseTensor(Tensor):
    """A tensor most of whose elements are not stored: they are zero.

    Attributes:
        layout_: the layout.
        values_: the stored elements, outside the graph.
    """

    layout_: Layout
    values_: Tensor

    def _no_memory(self) -> NoReturn:
        raise LayoutError(
            f"a tensor of layout {self.layout_!r} has no memory of its own, which this asks for; "
            f"use to_dense() first"
        )

    key = storage_ = _strides = offset = property(_no_memory)

    @property
    def layout(self) -> Layout:
        """`corex.sparse_coo` or one of its kin."""
        return self.layout_

    @property
    def dtype(self) -> DType:
        """The dtype of the values."""
        return self.values_.key.dtype

    @property
    def device(self) -> device:
        """The device that holds indices and values."""
        return self.values_.key.place.device

    @property
    def backend(self) -> str:
        """The name of the backend that owns the memory."""
        return self.values_.key.place.name

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return self.values_.key.dtype.itemsize

    @property
    def is_cuda(self) -> bool:
        """Whether indices and values are on a CUDA device."""
        return self.device.type == "cuda"

    @property
    def _version(self) -> int:
        """How often the values were written in place."""
        return self.values_.storage_.version

    def element_size(self) -> int:
        """Bytes of one element."""
        return self.values_.key.dtype.itemsize

    def is_floating_point(self) -> bool:
        """Whether the dtype is a floating-point one."""
        return self.values_.key.dtype.is_floating_point

    def is_complex(self) -> bool:
        """Whether the dtype is a complex one."""
        return self.values_.key.dtype.is_complex

    def is_signed(self) -> bool:
        """Whether the dtype can hold negative numbers."""
        return self.values_.key.dtype.is_signed

    def _with_node(self, node: Node) -> Tensor:
        other = self.shallow()
        other._node = node
        return other

    def shallow(self) -> SparseTensor:
        """Another tensor of the same indices and values, outside the graph."""
        other: SparseTensor = object.__new__(type(self))
        other._node = None
        other.adopt(self)
        return other

    def adopt(self, other: Any) -> None:
        """Makes this tensor what another of the same class is, but for its place in the graph."""
        raise NotImplementedError

    def nnz(self) -> int:
        """How many elements (or blocks, or slices) are stored, of each batch."""
        raise NotImplementedError

    @property
    def parts(self) -> tuple[Tensor, ...]:
        """The dense tensors it is made of."""
        raise NotImplementedError


class CooTensor(SparseTensor):
    """Coordinates and values; a coordinate may come several times, if not coalesced.

    Attributes:
        indices_: int64, (sparse dims, nnz).
        values_: (nnz, *sizes of the dense dims).
        coalesced_: whether coordinates are known to be sorted and different.
    """

    indices_: Tensor
    coalesced_: bool
    layout_ = sparse_coo

    @property
    def sparse_dims(self) -> int:
        """How many dims, the first ones, have coordinates."""
        return self.indices_.shape[0]

    def adopt(self, other: Any) -> None:
        self.shape = other.shape
        self.indices_, self.values_ = other.indices_, other.values_
        self.coalesced_ = other.coalesced_

    def nnz(self) -> int:
        return self.values_.shape[0]

    @property
    def parts(self) -> tuple[Tensor, ...]:
        return self.indices_, self.values_


class CompressedTensor(SparseTensor):
    """Rows (or columns) that follow each other: where each begins, and the columns (or rows) and
    values of its elements, or of its blocks.

    Attributes:
        pointers_: (*batch, rows + 1).
        others_: (*batch, nnz).
        values_: (*batch, nnz, *block sizes, *sizes of the dense dims).
    """

    pointers_: Tensor
    others_: Tensor

    @property
    def batch_dims(self) -> int:
        """How many dims, the first ones, are those of batches."""
        return len(self.pointers_.shape) - 1

    @property
    def dense_dims(self) -> int:
        """How many dims, the last ones, are dense."""
        return len(self.shape) - self.batch_dims - 2

    @property
    def blocksize(self) -> tuple[int, int]:
        """The sizes of a block; 1 and 1 where elements are stored one by one."""
        if self.layout_ not in BLOCKS:
            return 1, 1
        at = self.batch_dims + 1
        return self.values_.shape[at], self.values_.shape[at + 1]

    @property
    def by_row(self) -> bool:
        """Whether rows are compressed, and not columns."""
        return self.layout_ in BY_ROW

    def adopt(self, other: Any) -> None:
        self.layout_ = other.layout_
        self.shape = other.shape
        self.pointers_, self.others_, self.values_ = other.pointers_, other.others_, other.values_

    def nnz(self) -> int:
        return self.others_.shape[-1]

    @property
    def parts(self) -> tuple[Tensor, ...]:
        return self.pointers_, self.others_, self.values_


# The short cuts, which are for dense tensors, leave these to the general way.
TENSOR_TYPES.difference_update((SparseTensor, CooTensor, CompressedTensor))


def coo(
    indices: Tensor, values: Tensor, shape: tuple[int, ...], coalesced: bool | None = None
) -> CooTensor:
    """A tensor of coordinates and values, outside the graph; None: less than two are sorted."""
    result: CooTensor = object.__new__(CooTensor)
    result._node = None
    result.shape = Size(shape)
    result.indices_ = _plain(indices)
    result.values_ = _plain(values)
    result.coalesced_ = values.shape[0] < 2 if coalesced is None else coalesced
    return result


def compressed(
    layout: Layout, pointers: Tensor, others: Tensor, values: Tensor, shape: tuple[int, ...]
) -> CompressedTensor:
    """A tensor of compressed rows or columns, outside the graph."""
    result: CompressedTensor = object.__new__(CompressedTensor)
    result._node = None
    result.layout_ = layout
    result.shape = Size(shape)
    result.pointers_, result.others_ = _plain(pointers), _plain(others)
    result.values_ = _plain(values)
    return result


def with_values(t: SparseTensor, values: Tensor) -> Any:
    """A tensor like `t` with other values at the same places, outside the graph; values of other
    sizes change those of the dense dims."""
    other = t.shallow()
    other.values_ = _plain(values)
    if isinstance(t, CooTensor):
        other.shape = Size((*t.shape[: t.sparse_dims], *values.shape[1:]))
    return other


def _plain(t: Tensor) -> Tensor:
    return t if t._node is None and t._base is None else alias(t)


def size_of(t: Tensor, first: int, last: int) -> int:
    """The product of the sizes of some dims."""
    return numel(t.shape[first:last])

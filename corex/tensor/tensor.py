"""The tensor: a view of a storage, plus what autograd needs to know. State only, no ops.

Methods and operators are installed by `corex.ops` from the op tables; `_methods.pyi` (generated)
tells type checkers about them.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from corex.device import device
from corex.dtypes import DType
from corex.formats import Layout, MemoryFormat, contiguous_format, is_in, strided
from corex.layout import contiguous_strides, is_contiguous, numel
from corex.tensor.facts import Facts
from corex.tensor.node import LEAVES, UNREACHED, AccumulateGrad, Node, RemovableHandle
from corex.tensor.place import DispatchKey
from corex.tensor.storage import Storage

if TYPE_CHECKING:
    from corex._methods import TensorMethods as _Base
else:
    _Base = object


class Size(tuple[int, ...]):
    """The sizes of a tensor: a tuple that counts its elements and prints as PyTorch's does."""

    __slots__ = ()

    def numel(self) -> int:
        """The number of elements of a tensor of these sizes."""
        return numel(self)

    def __repr__(self) -> str:
        return f"corex.Size({list(self)})"


TENSOR_TYPES: set[type] = set()
"""Tensor and its subclasses, for exact type tests on the hot path."""


class Tensor(Facts, _Base):
    """A multi-dimensional array of one dtype.

    The slots are all that every tensor has; what few tensors need lives in the instance dict and
    defaults to the class attributes below.

    Attributes:
        shape: the sizes.
        storage_: the memory (shared with views); `storage()` is the public accessor.
        offset: position of the first element in the storage, in elements.
        grad: the gradient accumulated by backward, or None.
    """

    __slots__ = (
        "__dict__",
        "__weakref__",
        "_node",  # where gradients go: None, the leaf's AccumulateGrad, or the producing op's node
        "_strides",  # None if exactly row-major, which most tensors are
        "key",
        "offset",
        "shape",
        "storage_",
    )

    _node: Node | None
    _strides: tuple[int, ...] | None
    key: DispatchKey
    offset: int
    shape: tuple[int, ...]
    storage_: Storage

    _output_nr = 0
    _base: Tensor | None = None
    _views: Any = None  # weak references to the views of this base
    _views_limit = 8  # at how many of them the dead ones are thrown out
    _grad: Tensor | None = None
    _watched = False  # whether the next write to the memory will be told to the views
    _at = 0  # of a view: the storage's version that its node belongs to
    _made: Any = None  # of a view: the `lineage.Made` that forbids to write to it; else None
    _retains_grad: Any = None  # the hook cell of `retain_grad`
    _idle: Any = None  # the AccumulateGrad, with its hooks, while no gradients are required
    _followers: Any = None  # weak references to what goes along when the memory is replaced

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        TENSOR_TYPES.add(cls)

    # ---- metadata ------------------------------------------------------------------------
    @property
    def dtype(self) -> DType:
        """The element type."""
        return self.key.dtype

    @property
    def device(self) -> device:
        """The device that holds the memory."""
        return self.key.place.device

    @property
    def backend(self) -> str:
        """The name of the backend that owns the memory."""
        return self.key.place.name

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    @property
    def strides(self) -> tuple[int, ...]:
        """Steps between neighbours along each dimension, in elements."""
        strides = self._strides
        return contiguous_strides(self.shape) if strides is None else strides

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return self.key.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return numel(self.shape) * self.key.dtype.itemsize

    def dim(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    def numel(self) -> int:
        """The number of elements."""
        return numel(self.shape)

    nelement = numel

    def element_size(self) -> int:
        """Bytes of one element."""
        return self.key.dtype.itemsize

    def size(self, dim: int | None = None) -> Any:
        """All sizes, or the size of one dimension."""
        if dim is None:
            return Size(self.shape)
        return self.shape[self._checked_dim(dim)]

    def stride(self, dim: int | None = None) -> Any:
        """All strides, or the stride of one dimension."""
        if dim is None:
            return self.strides
        return self.strides[self._checked_dim(dim)]

    def _checked_dim(self, dim: int) -> int:
        if not -len(self.shape) <= dim < len(self.shape):
            if not self.shape:
                raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
            raise IndexError(
                f"Dimension out of range (expected to be in range of [{-len(self.shape)}, "
                f"{len(self.shape) - 1}], but got {dim})"
            )
        return dim

    def storage_offset(self) -> int:
        """Position of the first element in the storage, in elements."""
        return self.offset

    def storage(self) -> Storage:
        """The memory."""
        return self.storage_

    untyped_storage = storage

    def data_ptr(self) -> int:
        """Address of the first element, where the backend has addresses; else the offset."""
        return self.storage_.data_ptr() + self.offset * self.key.dtype.itemsize

    def is_contiguous(self, *, memory_format: MemoryFormat = contiguous_format) -> bool:
        """Whether the elements lie dense in row-major order, or in that of another format."""
        if memory_format is not contiguous_format:
            return is_in(memory_format, self.shape, self.strides)
        return self._strides is None or is_contiguous(self.shape, self._strides)

    def is_floating_point(self) -> bool:
        """Whether the dtype is a floating-point one."""
        return self.key.dtype.is_floating_point

    def is_complex(self) -> bool:
        """Whether the dtype is a complex one."""
        return self.key.dtype.is_complex

    def is_signed(self) -> bool:
        """Whether the dtype can hold negative numbers."""
        return self.key.dtype.is_signed

    def type_name(self) -> str:
        """The name of the tensor's type, such as 'corex.FloatTensor'."""
        return f"corex.{self.key.dtype.type_name}"

    @property
    def layout(self) -> Layout:
        """`corex.strided`."""
        return strided

    @property
    def is_cuda(self) -> bool:
        """Whether the memory is on a CUDA device."""
        return self.key.place.device.type == "cuda"

    @property
    def _version(self) -> int:
        """How often the storage was written in place."""
        return self.storage_.version

    # ---- autograd state ------------------------------------------------------------------
    @property
    def requires_grad(self) -> bool:
        """Whether gradients flow to this tensor."""
        return self._node is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if value is True and not self.key.dtype.is_inexact:
            raise RuntimeError(
                "only Tensors of floating point and complex dtype can require gradients"
            )
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Makes a leaf require gradients, or not; returns the tensor itself.

        Raises:
            RuntimeError: a dtype that has no gradients, or switching off on a non-leaf.
        """
        if requires_grad is not True and requires_grad is not False:
            raise TypeError(
                f"requires_grad_(): argument 'requires_grad' (position 1) must be bool, not "
                f"{type(requires_grad).__name__}"
            )
        own = _own_node(self)  # what a stale view had, for that need not be brought up to date
        if not requires_grad:
            if type(own) not in LEAVES:
                raise RuntimeError(
                    "you can only change requires_grad flags of leaf variables. If you want to use "
                    "a computed variable in a subgraph that doesn't require differentiation use "
                    "var_no_grad = var.detach()."
                )
            if type(own) is AccumulateGrad:
                self._idle = own
            self._node = UNREACHED if self._base is not None and self._base.requires_grad else None
        elif own is None or own is UNREACHED:
            if not self.dtype.is_inexact:
                raise RuntimeError("only Tensors of floating point dtype can require gradients")
            self._node = self._idle or AccumulateGrad(self)
        if self._views is not None:
            _switched(self)
        return self

    @property
    def grad_fn(self) -> Node | None:
        """The node of the op that made this tensor; None for a leaf."""
        node = self._node
        return None if type(node) in LEAVES else node

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded op made this tensor."""
        return type(self._node) in LEAVES

    def _is_view(self) -> bool:
        """Whether autograd knows the tensor as a view of another, its `_base`."""
        return self._base is not None

    @property
    def output_nr(self) -> int:
        """Which output of `grad_fn` this tensor is."""
        return self._output_nr

    def _set_grad(self, value: Tensor | None) -> None:
        if value is not None:
            self._check_grad(value)
        self._grad = value

    def _delete_grad(self) -> None:
        self._grad = None

    # Optimizers read it all the time, so the getter is one that runs without a Python frame.
    grad = property(
        attrgetter("_grad"), _set_grad, _delete_grad, "The gradient accumulated so far, or None."
    )

    def _check_grad(self, value: Tensor) -> None:
        if not isinstance(value, Tensor):
            raise TypeError(f"assigned grad must be a Tensor or None, got {type(value).__name__}")
        if value is self:
            raise RuntimeError("can't assign Variable as its own grad")
        if strided is value.layout is self.layout:
            if value.key.own is not self.key.own:
                raise RuntimeError(f"assigned grad is {value.key}, but the tensor is {self.key}")
        elif value.dtype is not self.dtype or value.device != self.device:
            raise RuntimeError(
                f"assigned grad is {value.dtype} on {value.device}, but the tensor is {self.dtype} "
                f"on {self.device}"
            )
        if value.shape != self.shape:
            raise RuntimeError(
                f"assigned grad has shape {list(value.shape)}, but the tensor has shape "
                f"{list(self.shape)}"
            )

    @property
    def retains_grad(self) -> bool:
        """Whether `retain_grad` was called on this non-leaf tensor."""
        return bool(self._retains_grad)

    def retain_grad(self) -> None:
        """Makes backward also fill `.grad` of this non-leaf tensor.

        Raises:
            RuntimeError: the tensor does not require gradients.
        """
        if self._made is not None and type(_own_node(self)) in LEAVES and self.requires_grad:
            return  # nobody may ask for its node, as far as it knows it is a leaf
        if self._node is None:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        if self.is_leaf or self._retains_grad:
            return
        target = weakref.ref(self)

        def keep(grad: Tensor) -> None:
            tensor = target()
            if tensor is not None:
                tensor._grad = grad.clone() if tensor._grad is None else tensor._grad + grad

        # The third element makes this hook run after all that were registered with register_hook.
        if self._node.prehooks is None:
            self._node.prehooks = []
        self._retains_grad = [(self._output_nr, keep, True)]
        self._node.prehooks.append(self._retains_grad)

    def register_hook(self, hook: Any) -> RemovableHandle:
        """Calls `hook(grad)` when this tensor's gradient is known; it may return a new one.

        Raises:
            RuntimeError: the tensor does not require gradients.
        """
        node = self._node
        if node is None:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        if node is UNREACHED:
            return RemovableHandle([], hook)
        if node.prehooks is None:
            node.prehooks = []
        return RemovableHandle(node.prehooks, (self._output_nr, hook))

    def register_post_accumulate_grad_hook(self, hook: Any) -> RemovableHandle:
        """Calls `hook(tensor)` after backward added to this leaf's `.grad`.

        Raises:
            RuntimeError: not a leaf that requires gradients.
        """
        node = self._node
        if node is UNREACHED:
            return RemovableHandle([], hook)  # no gradient will come
        if type(node) is not AccumulateGrad:
            raise RuntimeError(
                "post accumulate grad hooks cannot be registered on non-leaf tensors"
            )
        if node.posthooks is None:
            node.posthooks = []
        return RemovableHandle(node.posthooks, hook)

    def _with_node(self, node: Node) -> Tensor:
        """Another tensor over the same memory that came from `node`; for saved outputs."""
        return alias(self, node)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a 0-d tensor")
        return self.shape[0]

    def __hash__(self) -> int:
        return id(self)


_own_node: Any = Tensor.__dict__["_node"].__get__
_new = object.__new__


def make(
    storage: Storage,
    key: DispatchKey,
    shape: tuple[int, ...],
    strides: tuple[int, ...] | None = None,
    offset: int = 0,
) -> Tensor:
    """A tensor over existing storage; `strides` None means row-major."""
    tensor = _new(Tensor)
    tensor.storage_ = storage
    tensor.key = key
    tensor.shape = shape
    tensor._strides = strides
    tensor.offset = offset
    tensor._node = None
    return tensor


def wrap(key: DispatchKey, buffer: Any, shape: tuple[int, ...]) -> Tensor:
    """A row-major tensor over a buffer that its backend has just made.

    The same as `make(adopt(...))`, written out because every op's result passes here.
    """
    storage = _new(Storage)
    storage.buffer = buffer
    storage.place = key.place
    storage.version = 0
    tensor = _new(Tensor)
    tensor.storage_ = storage
    tensor.key = key
    tensor.shape = shape
    tensor._strides = None
    tensor.offset = 0
    tensor._node = None
    return tensor


def alias(tensor: Tensor, node: Node | None = None) -> Tensor:
    """A plain tensor over the same memory with another place in the graph."""
    other = make(tensor.storage_, tensor.key, tensor.shape, tensor._strides, tensor.offset)
    other._node = node
    return other


TENSOR_TYPES.add(Tensor)


def _unwatched(base: Tensor) -> None:
    """Views are told in `corex.tensor.lineage`."""


_switched: Callable[[Tensor], None] = _unwatched


def tell_views(function: Callable[[Tensor], None]) -> None:
    """Sets what is called when a tensor with views begins or ceases to require gradients."""
    global _switched
    _switched = function

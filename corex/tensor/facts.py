"""What a tensor says of itself in words that PyTorch has, and that are the same for all of corex's
tensors, or follow from shape, strides and place."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from corex.dtypes import DType
from corex.formats import MemoryFormat
from corex.layout import order_of_dims

if TYPE_CHECKING:
    from corex.tensor.tensor import Tensor


def _never(doc: str) -> Any:
    return property(lambda self: False, doc=doc)


def _on(device_type: str) -> Any:
    def is_there(self: Tensor) -> bool:
        return self.key.place.device.type == device_type

    return property(is_there, doc=f"Whether the memory is on a device of type '{device_type}'.")


class Facts:
    """The base of Tensor that answers them; it has no state."""

    __slots__ = ()

    is_cpu = _on("cpu")
    is_meta = _on("meta")
    is_mps = _on("mps")
    is_mtia = _on("mtia")
    is_maia = _on("maia")
    is_ipu = _on("ipu")
    is_vulkan = _on("vulkan")
    is_xla = _on("xla")
    is_xpu = _on("xpu")
    is_mkldnn = _never("Whether the memory has a layout of oneDNN's own: never.")
    is_quantized = _never("Whether the elements are quantised: never.")
    is_nested = _never("Whether it is a list of tensors of several shapes: never.")
    volatile = _never("PyTorch's old name for 'without gradients', which has no meaning there.")
    name = property(lambda self: None, doc="None: variables have no names.")

    def ndimension(self: Tensor) -> int:  # type: ignore[misc]
        """The number of dimensions."""
        return len(self.shape)

    def get_device(self: Tensor) -> int:  # type: ignore[misc]
        """The device's number, -1 of the processor."""
        device = self.key.place.device
        return -1 if device.type == "cpu" else int(device.index or 0)

    def const_data_ptr(self: Tensor) -> int:  # type: ignore[misc]
        """As `data_ptr`, of who does not write."""
        return self.data_ptr()

    def is_inference(self) -> bool:
        """Whether it is one that autograd can never use: never, not even made in inference mode."""
        return False

    def is_distributed(self) -> bool:
        """Whether it is spread over processes: never."""
        return False

    def is_nonzero(self) -> bool:
        """Whether the only element is not 0.

        Raises:
            RuntimeError: no element, or more than one.
        """
        return bool(self)

    def is_same_size(self: Tensor, other: Tensor) -> bool:  # type: ignore[misc]
        """Whether the shapes are equal."""
        return self.shape == other.shape

    def is_set_to(self: Tensor, tensor: Tensor) -> bool:  # type: ignore[misc]
        """Whether the other shows the same elements of the same memory in the same way."""
        return (
            self.storage_.buffer is tensor.storage_.buffer
            and self.key is tensor.key
            and self.shape == tensor.shape
            and self.strides == tensor.strides
            and self.offset == tensor.offset
        )

    @property
    def grad_dtype(self: Tensor) -> DType:  # type: ignore[misc]
        """The dtype of gradients, which is the tensor's."""
        return self.key.dtype

    def dim_order(  # type: ignore[misc]
        self: Tensor, *, ambiguity_check: bool | list[MemoryFormat] = False
    ) -> tuple[int, ...]:
        """The dims as they lie in memory, the outermost first.

        Args:
            ambiguity_check: whether to refuse where dims of length 1 or equal strides leave a
                choice; or the memory formats of which then exactly one must be the tensor's.

        Raises:
            RuntimeError: there is a choice. TypeError: neither a bool nor a list of formats.
        """
        formats = ambiguity_check
        if not isinstance(formats, bool) and not (
            isinstance(formats, list) and all([isinstance(one, MemoryFormat) for one in formats])
        ):
            raise TypeError(
                "The ambiguity_check argument must be a bool or a list of memory formats."
            )
        if formats is not False:
            strides = self.strides
            free = 1 in self.shape or any([a == b for a, b in pairwise(strides)])
            known = formats if isinstance(formats, list) else []
            if free and sum([self.is_contiguous(memory_format=one) for one in known]) != 1:
                raise RuntimeError(
                    "The tensor does not have unique dim order, or cannot map to exact one of the "
                    "given memory formats."
                )
        return order_of_dims(self.shape, self.strides)

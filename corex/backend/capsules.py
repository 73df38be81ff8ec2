"""DLPack's capsules: a description of memory that passes from one library to another.

A capsule holds a C struct with the address, shape, strides and dtype of a tensor, and a deleter
that the receiver calls when it is done. Received structs are read with ctypes. Our own are those
that NumPy makes of an array over the same memory, corrected where NumPy cannot say it (device,
dtype): destructor and deleter are then C functions, which work in any thread, while an exception
is on its way, and after the interpreter has gone. A Python function called from C does not.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import c_char_p, c_int, c_int32, c_int64, c_uint8, c_uint16, c_uint32, c_uint64
from ctypes import c_void_p as pointer
from typing import Any, NamedTuple

import numpy as np

from corex.dtypes import ALL, DType

VERSION = (1, 0)
"""The newest DLPack that is understood."""

CPU = (1, 0)
READ_ONLY, COPIED = 1, 2  # flags


class _Tensor(ctypes.Structure):
    _fields_ = (
        ("data", pointer),
        ("device_type", c_int32),
        ("device_id", c_int32),
        ("ndim", c_int32),
        ("code", c_uint8),
        ("bits", c_uint8),
        ("lanes", c_uint16),
        ("shape", ctypes.POINTER(c_int64)),
        ("strides", ctypes.POINTER(c_int64)),
        ("byte_offset", c_uint64),
    )


class _Managed(ctypes.Structure):
    _fields_ = (("tensor", _Tensor), ("context", pointer), ("deleter", pointer))


class _Versioned(ctypes.Structure):
    _fields_ = (
        ("major", c_uint32),
        ("minor", c_uint32),
        ("context", pointer),
        ("deleter", pointer),
        ("flags", c_uint64),
        ("tensor", _Tensor),
    )


_KEPT = (b"dltensor", b"dltensor_versioned", b"used_dltensor", b"used_dltensor_versioned")
_PLAIN, _NEW, _USED_PLAIN, _USED_NEW = _KEPT
for _name in _KEPT:  # a capsule only points to its name, and may die after this module
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(_name))


def _function(name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
    function = getattr(ctypes.pythonapi, name)
    function.restype, function.argtypes = result, arguments
    return function  # type: ignore[no-any-return]


_is_valid = _function("PyCapsule_IsValid", c_int, ctypes.py_object, c_char_p)
_pointer_in = _function("PyCapsule_GetPointer", pointer, ctypes.py_object, c_char_p)
_rename = _function("PyCapsule_SetName", c_int, ctypes.py_object, c_char_p)
_deleter = ctypes.CFUNCTYPE(None, pointer)


# ---- dtypes ------------------------------------------------------------------------------------
_DTYPES = {(dtype.dlpack, dtype.itemsize * 8): dtype for dtype in ALL}
"""By DLPack's type code and bits."""


# ---- memory under an address -------------------------------------------------------------------
class _Memory:
    """What NumPy reads to make an array of an address; the array keeps it, and so the owner."""

    __slots__ = ("__array_interface__", "owner")

    def __init__(self, interface: dict[str, Any], owner: object) -> None:
        self.__array_interface__ = interface
        self.owner = owner


def array_at(
    address: int,
    typestr: str,
    shape: tuple[int, ...],
    strides: tuple[int, ...] | None,
    readonly: bool,
    owner: object,
) -> np.ndarray[Any, Any]:
    """An array over memory that `owner` keeps; strides in bytes. Nothing is read."""
    if not address:  # of no elements, so none are missing
        return np.empty(shape, typestr)
    interface = {
        "data": (address, readonly),
        "typestr": typestr,
        "shape": shape,
        "strides": strides,
        "version": 3,
    }
    return np.asarray(_Memory(interface, owner))


# ---- giving ------------------------------------------------------------------------------------
def make_capsule(
    array: np.ndarray[Any, Any],
    dtype: DType,
    device: tuple[int, int],
    versioned: bool,
    copied: bool = False,
) -> Any:
    """The capsule of an array, whose elements are those of `dtype` and on `device` in truth.

    Raises:
        BufferError: read-only memory, and an old capsule that cannot say so.
    """
    capsule = _capsule_of(array, versioned)
    managed = _content(capsule)
    managed.tensor.code, managed.tensor.bits = dtype.dlpack, dtype.itemsize * 8
    managed.tensor.device_type, managed.tensor.device_id = device
    if copied and isinstance(managed, _Versioned):
        managed.flags |= COPIED
    return capsule


def _capsule_of(array: np.ndarray[Any, Any], versioned: bool) -> Any:
    if versioned:
        try:
            return array.__dlpack__(max_version=VERSION)
        except TypeError:  # NumPy before 2.1
            pass
    return array.__dlpack__()


def _content(capsule: Any) -> Any:
    """The struct in a capsule.

    Raises:
        RuntimeError: it is none, or somebody has taken it already.
    """
    if _is_valid(capsule, _PLAIN):
        return _Managed.from_address(_pointer_in(capsule, _PLAIN))
    if _is_valid(capsule, _NEW):
        return _Versioned.from_address(_pointer_in(capsule, _NEW))
    raise RuntimeError(
        "from_dlpack received an invalid capsule. Note that DLTensor capsules can be consumed only "
        "once, so you might have already constructed a tensor from it once."
    )


# ---- taking ------------------------------------------------------------------------------------
class Owner:
    """Calls the deleter of a received tensor when the last reference goes."""

    __slots__ = ("_address", "_delete", "_type")

    def __init__(self, managed: Any) -> None:
        self._address = ctypes.addressof(managed)
        self._delete = managed.deleter
        self._type = _deleter  # module globals may be gone by the time it is needed

    def __del__(self) -> None:
        if self._delete:
            self._type(self._delete)(self._address)


class Received(NamedTuple):
    """What a capsule said.

    Attributes:
        address: of the first element.
        strides: in elements; None for row-major.
        owner: the memory is there as long as this is.
    """

    address: int
    device: tuple[int, int]
    dtype: DType
    shape: tuple[int, ...]
    strides: tuple[int, ...] | None
    readonly: bool
    owner: Owner


def take(capsule: Any) -> Received:
    """Takes the tensor out of a capsule.

    Raises:
        RuntimeError: no capsule, or one that was taken already.
        BufferError: a version or dtype that is not understood. The tensor is given back.
    """
    managed = _content(capsule)
    new = isinstance(managed, _Versioned)
    _rename(capsule, _USED_NEW if new else _USED_PLAIN)
    owner = Owner(managed)
    if new and managed.major > VERSION[0]:
        raise BufferError(
            f"the capsule is of DLPack {managed.major}.{managed.minor}, which is not understood; "
            f"{VERSION[0]}.{VERSION[1]} is"
        )
    tensor = managed.tensor
    dtype = _DTYPES.get((tensor.code, tensor.bits))
    if dtype is None or tensor.lanes != 1:
        raise BufferError(
            f"corex has no dtype for DLPack's type code {tensor.code} with {tensor.bits} bits and "
            f"{tensor.lanes} lane(s)"
        )
    count = tensor.ndim
    return Received(
        address=(tensor.data or 0) + tensor.byte_offset,
        device=(tensor.device_type, tensor.device_id),
        dtype=dtype,
        shape=tuple(tensor.shape[:count]) if count else (),
        strides=tuple(tensor.strides[:count]) if count and tensor.strides else None,
        readonly=bool(new and managed.flags & READ_ONLY),
        owner=owner,
    )

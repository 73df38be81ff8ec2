"""How many threads kernels on the CPU may use: PyTorch's functions."""

from __future__ import annotations

from typing import Any

from corex.dispatch.devices import find_place, on_new_place, places
from corex.tensor.place import Place

_LARGEST = 256  # a backend is not asked for more
_chosen: list[int] = []
_interop: list[int] = []


def _positive(name: str, count: Any) -> int:
    if type(count) is not int:
        raise RuntimeError(f"{name} expects an int, but got {type(count).__name__}")
    if count >= 1 << 63:
        raise ValueError("Overflow when unpacking long")
    if count < 1:
        raise RuntimeError(f"{name} expects a positive integer")
    return count


def _tell(place: Place) -> None:
    """Passes on what was chosen to a backend that has threads."""
    choose = getattr(place.backend, "set_num_threads", None)
    if _chosen and choose is not None:
        choose(min(_chosen[0], _LARGEST))


on_new_place(_tell)


def set_num_threads(num: int) -> None:
    """Sets how many threads a kernel on the CPU may use, in all backends.

    At first it is what COREX_NUM_THREADS, MKL_NUM_THREADS or OMP_NUM_THREADS say, in this order;
    else the number of processors that this process may use.

    Raises:
        RuntimeError: not an integer, or not positive.
    """
    _chosen[:] = [_positive("set_num_threads", num)]
    for place in places():
        _tell(place)


def get_num_threads() -> int:
    """How many threads a kernel on the CPU may use; 1 where the backend has no threads."""
    if _chosen:
        return _chosen[0]
    ask = getattr(find_place("cpu").backend, "get_num_threads", None)
    return 1 if ask is None else int(ask())


def set_num_interop_threads(num: int) -> None:
    """Accepted for PyTorch's sake: ops of one program never run side by side here.

    Raises:
        RuntimeError: not an integer, not positive, or this is not the first call.
    """
    wanted = _positive("set_num_interop_threads", num)
    if _interop:
        raise RuntimeError(
            "Error: cannot set number of interop threads after parallel work has started or "
            "set_num_interop_threads called"
        )
    _interop.append(wanted)


def get_num_interop_threads() -> int:
    """What was set, by default `get_num_threads()`; it has no effect."""
    return _interop[0] if _interop else get_num_threads()

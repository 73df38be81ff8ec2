"""DLPack between PyTorch and corex, and what both say to the same calls."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import corex

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.usefixtures("each_backend")

DTYPES = ["bool", "uint8", "int32", "int64", "float32", "float64"]
VIEWS: dict[str, Any] = {
    "whole": lambda a: a,
    "transposed": lambda a: a.T,
    "steps": lambda a: a[::2, 1::2],
    "row": lambda a: a[1],
    "number": lambda a: a[1, 2],
    "nothing": lambda a: a[:, 5:],
    "spread": lambda a: a[:, :1].expand(4, 3),
}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_from_pytorch_and_back(dtype: str, view: str) -> None:
    theirs = VIEWS[view](torch.arange(20).reshape(4, 5).to(getattr(torch, dtype)))
    ours = corex.from_dlpack(theirs)
    assert (ours.dtype.name, ours.shape) == (dtype, tuple(theirs.shape))
    assert ours.tolist() == theirs.tolist()
    back = torch.from_dlpack(ours)
    assert back.dtype == theirs.dtype
    assert back.tolist() == theirs.tolist()
    if theirs.numel():
        assert back.data_ptr() == theirs.data_ptr()
        assert back.stride() == theirs.stride()


def test_writes_are_seen_by_all() -> None:
    ours = corex.zeros(2, 3)
    theirs = torch.from_dlpack(ours)
    theirs[1, 2] = 5
    assert ours.tolist() == [[0.0, 0.0, 0.0], [0.0, 0.0, 5.0]]
    ours.fill_(7)
    assert theirs.tolist() == [[7.0] * 3] * 2
    capsule = corex.utils.dlpack.to_dlpack(ours)
    assert torch.utils.dlpack.from_dlpack(capsule).data_ptr() == ours.data_ptr()
    capsule = torch.utils.dlpack.to_dlpack(theirs)
    assert corex.utils.dlpack.from_dlpack(capsule).data_ptr() == ours.data_ptr()


def test_the_memory_outlives_its_maker() -> None:
    theirs = torch.from_dlpack(corex.arange(100.0))
    ours = corex.from_dlpack(torch.arange(100.0))
    noise = [corex.zeros(100) for _ in range(10)], [torch.zeros(100) for _ in range(10)]
    assert theirs.tolist() == ours.tolist() == [float(i) for i in range(100)]
    del noise


CASES = """
from_dlpack(5)
from_dlpack([1, 2])
from_dlpack(None)
from_dlpack(ones(2, requires_grad=True))
from_dlpack(np.array(["a"]))
from_dlpack(np.arange(3, dtype=">f8"))
from_dlpack(np.zeros((0, 3))).shape
from_dlpack(np.array(2.5))
from_dlpack(np.arange(3.0), copy=True)
from_dlpack(np.arange(3.0), copy=False)
from_dlpack(np.arange(3.0), device="cpu")
from_dlpack(np.arange(6.0).reshape(2, 3).T)
from_dlpack(np.arange(6.0)[::2], copy=True)
from_dlpack(ones(2), copy=True)
from_dlpack(ones(2).requires_grad_().detach())
utils.dlpack.to_dlpack(5)
utils.dlpack.from_dlpack(utils.dlpack.to_dlpack(ones(2, requires_grad=True)))
ones(2).__dlpack__(stream="a")
ones(2, requires_grad=True).__dlpack__()
tuple(map(int, ones(2).__dlpack_device__()))
hasattr(ones(2), "__cuda_array_interface__")
hasattr(ones(2), "__array_interface__")
memoryview(ones(2))
as_tensor(Producer())
tensor(Producer())
asarray(Producer())
asarray(Producer(), copy=True)
as_tensor(Producer(), dtype=float32)
"""


class Producer:
    def __init__(self) -> None:
        self.data = np.arange(3.0)

    def __dlpack__(self, **asked: Any) -> Any:
        return self.data.__dlpack__(**asked)

    def __dlpack_device__(self) -> Any:
        return self.data.__dlpack_device__()


def outcome(library: Any, code: str) -> str:
    names = {name: getattr(library, name) for name in dir(library)}
    try:
        value = eval(code, {**names, "np": np, "Producer": Producer, "tuple": tuple, "map": map})
    except Exception as error:
        return type(error).__name__
    if isinstance(value, library.Tensor):
        return f"{value.tolist()} {str(value.dtype).split('.')[1]} {value.requires_grad}"
    return str(tuple(value)) if isinstance(value, tuple) else str(value)


@pytest.mark.parametrize("code", CASES.strip().splitlines())
def test_as_pytorch(code: str) -> None:
    assert outcome(corex, code) == outcome(torch, code)

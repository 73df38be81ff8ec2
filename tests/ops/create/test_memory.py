"""Tensors over memory that is there already: what is shared, and what is copied."""

from __future__ import annotations

import array
import struct
import warnings
from typing import Any

import numpy as np
import pytest

import corex
from tests.ops.create.checks import same

pytestmark = pytest.mark.usefixtures("each_backend")


def test_frombuffer_shares_memory() -> None:
    data = bytearray(struct.pack("4f", 1, 2, 3, 4))
    t = corex.frombuffer(data, dtype=corex.float32, count=2, offset=4)
    same(t, [2.0, 3.0], corex.float32)
    data[4:8] = struct.pack("f", 9)
    assert t.tolist() == [9.0, 3.0]
    t.fill_(7)
    assert struct.unpack("4f", data) == (1, 7, 7, 4)


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (b"", {}, "must not be 0"),
        (b"abcd", {"count": 0}, "must not be 0"),
        (b"abcde", {}, "multiple of element size"),
        (b"abcd", {"offset": 4}, "no greater than buffer length"),
        (b"abcd", {"offset": -1}, "no greater than buffer length"),
        (b"abcdefgh", {"count": 3}, "must not be greater"),
        (3, {}, "buffer protocol"),
    ],
)
def test_frombuffer_refuses(data: Any, options: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        corex.frombuffer(data if data == 3 else bytearray(data), dtype=corex.int32, **options)


def test_as_tensor_and_asarray_share_what_they_can() -> None:
    t = corex.ones(2)
    assert corex.as_tensor(t) is t
    assert corex.asarray(t) is t
    assert corex.asarray(t, copy=True) is not t
    same(corex.as_tensor(t, dtype=corex.int32), [1, 1], corex.int32)
    data = np.zeros(3)
    for shared in (corex.as_tensor(data), corex.asarray(data), corex.asarray(data, copy=False)):
        data[0] += 1
        assert shared.tolist() == data.tolist()
    copied = corex.asarray(data, copy=True)
    data[0] = 50
    assert copied.tolist()[0] == 3.0
    same(corex.asarray([1, 2]), [1, 2], corex.int64)
    same(corex.as_tensor([[1.5]], dtype=corex.float64), [[1.5]], corex.float64)
    same(corex.asarray(array.array("i", [1, 2]), dtype=corex.int32), [1, 2], corex.int32)
    for obj in ([1, 2], 3):
        with pytest.raises(ValueError, match="alias"):
            corex.asarray(obj, copy=False)
    with pytest.raises(ValueError, match="alias"):
        corex.asarray(data, dtype=corex.int32, copy=False)


def test_what_cannot_be_shared_is_copied() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        same(corex.as_tensor(np.arange(3)[::-1]), [2, 1, 0], corex.int64)
        same(corex.asarray(np.broadcast_to(np.ones(1), (2,))), [1.0, 1.0], corex.float64)
        same(corex.tensor(np.arange(4.0).reshape(2, 2).T), [[0, 2], [1, 3]], corex.float64)

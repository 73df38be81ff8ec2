"""What cuBLAS would be asked: a stand-in multiplies as its documentation says, column by column."""

from __future__ import annotations

import ctypes
import itertools
import threading
from typing import Any

import numpy as np
import pytest

from corex.dtypes import by_name

Matrix = tuple[int, int, int]  # pointer, leading dimension, stride between matrices


class StandIn:
    """cuBLAS over memory that the host sees, as the simulator's is."""

    def __init__(self, device: Any) -> None:
        self.device = device
        self.calls = self.started = 0
        self.streams: list[int] = []
        self.workspaces: list[tuple[int, int]] = []
        self.failing: list[int] = []  # statuses of the next starts
        self.refused = 0  # the status of all products

    def cublasCreate_v2(self, handle: Any) -> int:  # noqa: N802 - cuBLAS's name
        """A handle that means nothing."""
        self.started += 1
        return self.failing.pop(0) if self.failing else 0

    def cublasSetStream_v2(self, handle: Any, stream: int) -> int:  # noqa: N802 - cuBLAS's name
        """All is done at once."""
        self.streams.append(stream)
        return 0

    def cublasSetWorkspace_v2(  # noqa: N802 - cuBLAS's name
        self, handle: Any, pointer: int, nbytes: int
    ) -> int:
        """Nothing is done there."""
        self.workspaces.append((pointer, nbytes))
        return 0

    def cublasSgemmStridedBatched(self, *arguments: Any) -> int:  # noqa: N802 - cuBLAS's name
        """float32."""
        return self._gemm(np.float32, *arguments)

    def cublasDgemmStridedBatched(self, *arguments: Any) -> int:  # noqa: N802 - cuBLAS's name
        """float64."""
        return self._gemm(np.float64, *arguments)

    def _gemm(self, dtype: Any, handle: Any, *arguments: Any) -> int:
        if self.refused:
            return self.refused
        turn_a, turn_b, m, n, k, alpha, *rest = arguments
        a, b, beta, c, batches = rest[:3], rest[3:6], rest[6], rest[7:10], rest[10]
        self.device.synchronize()
        self.calls += 1
        for batch in range(batches):
            left = self._columns(dtype, a, batch, (k, m) if turn_a else (m, k))
            right = self._columns(dtype, b, batch, (n, k) if turn_b else (k, n))
            out = self._columns(dtype, c, batch, (m, n))
            product = (left.T if turn_a else left) @ (right.T if turn_b else right)
            out[...] = alpha._obj.value * product + beta._obj.value * out
        return 0

    def _columns(self, dtype: Any, matrix: Any, batch: int, shape: tuple[int, int]) -> Any:
        """A matrix in memory, whose columns are `leading` apart."""
        pointer, leading, stride = matrix
        rows, columns = shape
        assert leading >= max(1, rows)
        size = np.dtype(dtype).itemsize
        memory = (ctypes.c_char * (((columns - 1) * leading + rows) * size)).from_address(
            pointer + batch * stride * size
        )
        flat = np.frombuffer(memory, dtype)
        return np.lib.stride_tricks.as_strided(flat, shape, (size, leading * size))


@pytest.fixture
def stand_in(cuda: Any, device: Any, simulated: Any, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    from corex_cuda_pycuda.ops import blas

    found = StandIn(device)
    monkeypatch.setattr(blas, "library", lambda: found)
    monkeypatch.setattr(blas, "SMALLEST", 0)
    monkeypatch.setattr(blas, "_handles", type(blas._handles)())
    monkeypatch.setattr(blas, "_spare", {})
    monkeypatch.setattr(blas, "_workspaces", {})
    monkeypatch.setattr(blas, "_told", set())
    blas._gemm.cache_clear()
    return found


def place(cuda: Any, values: Any, turned: bool, gap: int) -> tuple[Any, ...]:
    """A view of (batch, rows, columns), column by column if `turned`, lines `gap` further apart."""
    lines = values.swapaxes(1, 2) if turned else values
    wide = np.zeros((*lines.shape[:2], lines.shape[2] + gap), values.dtype)
    wide[..., : lines.shape[2]] = lines
    buffer = cuda.allocate(wide.nbytes, 0)
    cuda.copy_from_host(buffer, 0, memoryview(wide.reshape(-1).view(np.uint8)))
    batch, line, unit = (stride // wide.itemsize for stride in wide.strides)
    strides = (batch, unit, line) if turned else (batch, line, unit)
    return (buffer, by_name(values.dtype.name), values.shape, strides, 0)


def fetch(cuda: Any, view: tuple[Any, ...]) -> Any:
    """The values of a dense view."""
    result = np.empty(view[2], view[1].name)
    cuda.copy_to_host(view[0], 0, memoryview(result.reshape(-1).view(np.uint8)))
    return result


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sizes", [(1, 7, 5, 6), (3, 4, 6, 5), (1, 2, 5, 3), (2, 5, 2, 1)])
def test_every_way_a_matrix_can_lie(
    cuda: Any, stand_in: StandIn, sizes: tuple[int, int, int, int], dtype: str
) -> None:
    batch, m, n, k = sizes
    rng = np.random.default_rng(0)
    a, b = (rng.integers(-4, 5, s).astype(dtype) for s in ((batch, m, k), (batch, k, n)))
    ways = list(itertools.product((False, True), (False, True), (0, 2)))
    for turn_a, turn_b, gap in ways:
        out = place(cuda, np.zeros((batch, m, n), dtype), False, 0)
        operands = (place(cuda, a, turn_a, gap), place(cuda, b, turn_b, gap))
        cuda.kernels["matmul"](out, *operands)
        np.testing.assert_array_equal(fetch(cuda, out), a @ b, f"{turn_a} {turn_b} {gap}")
    assert stand_in.calls == len(ways)


def test_one_matrix_for_all_of_a_batch(cuda: Any, stand_in: StandIn) -> None:
    a, b = (np.arange(30.0).reshape(2, 3, 5), np.arange(20.0).reshape(1, 5, 4))
    out = place(cuda, np.zeros((2, 3, 4)), False, 0)
    buffer, dtype, _, (_, row, column), offset = place(cuda, b, False, 0)
    spread = (buffer, dtype, (2, 5, 4), (0, row, column), offset)
    cuda.kernels["matmul"](out, place(cuda, a, False, 0), spread)
    np.testing.assert_array_equal(fetch(cuda, out), a @ b)
    assert stand_in.calls == 1


def test_linear_begins_with_the_bias(cuda: Any, stand_in: StandIn) -> None:
    a, weight, bias = np.arange(15.0).reshape(3, 5), np.ones((4, 5)), np.arange(4.0)
    views = [place(cuda, x.reshape(1, -1, x.shape[-1]), False, 0) for x in (a, weight, bias)]
    flat = [(v[0], v[1], x.shape, v[3][-x.ndim :], 0)
            for v, x in zip(views, (a, weight, bias), strict=True)]  # fmt: skip
    whole = place(cuda, np.zeros((1, 3, 4)), False, 0)
    out = (*whole[:2], (3, 4), whole[3][1:], 0)
    cuda.kernels["linear"](out, *flat)
    np.testing.assert_array_equal(fetch(cuda, out), a @ weight.T + bias)
    assert stand_in.calls == 1


@pytest.mark.parametrize("why", ["integers", "gaps both ways", "reversed", "a turned result"])
def test_what_is_left_to_our_own_kernels(cuda: Any, stand_in: StandIn, why: str) -> None:
    dtype = "int32" if why == "integers" else "float32"
    a, b = (np.arange(20).reshape(s).astype(dtype) for s in ((1, 4, 5), (1, 5, 4)))
    left, right = place(cuda, a, False, 0), place(cuda, b, False, 0)
    out = place(cuda, np.zeros((1, 4, 4), dtype), why == "a turned result", 0)
    wanted = a @ b
    if why == "gaps both ways":
        left = (*left[:2], (1, 2, 3), (20, 10, 2), 0)
        right, out = (*right[:2], (1, 3, 4), *right[3:]), (*out[:2], (1, 2, 4), *out[3:])
        wanted = a[:, ::2, ::2] @ b[:, :3]
    elif why == "reversed":
        left, wanted = (*left[:3], (20, -5, 1), 15), a[:, ::-1] @ b
    cuda.kernels["matmul"](out, left, right)
    got = fetch(cuda, out)
    np.testing.assert_array_equal(got.swapaxes(1, 2) if "turned" in why else got, wanted)
    assert stand_in.calls == 0


# ---- a matrix and a vector -----------------------------------------------------------------------
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "sizes",
    [(1, 9, 1, 7), (1, 1, 9, 7), (3, 9, 1, 8), (2, 1, 300, 5), (1, 1, 1, 400), (1, 5, 1, 1)],
)
def test_a_vector_is_not_multiplied_as_a_matrix(
    cuda: Any, stand_in: StandIn, sizes: tuple[int, int, int, int], dtype: str
) -> None:
    batch, m, n, k = sizes
    rng = np.random.default_rng(1)
    a, b = (rng.integers(-4, 5, s).astype(dtype) for s in ((batch, m, k), (batch, k, n)))
    for turn_a, turn_b in itertools.product((False, True), repeat=2):
        out = place(cuda, np.zeros((batch, m, n), dtype), False, 0)
        cuda.kernels["matmul"](out, place(cuda, a, turn_a, 0), place(cuda, b, turn_b, 0))
        np.testing.assert_array_equal(fetch(cuda, out), a @ b)
    assert stand_in.calls == stand_in.started == 0


def test_a_layer_of_one_row_adds_its_bias_in_the_same_launch(
    cuda: Any, device: Any, stand_in: StandIn
) -> None:
    x, weight, bias = np.arange(6.0), np.ones((8, 6)), np.arange(8.0)
    views = [place(cuda, v.reshape(1, -1, v.shape[-1]), False, 0) for v in (x, weight, bias)]
    row, flat, line = [
        (v[0], v[1], shape, strides, 0)
        for v, shape, strides in zip(
            views, ((1, 6), (8, 6), (8,)), ((6, 1), (6, 1), (1,)), strict=True
        )
    ]
    whole = place(cuda, np.zeros((1, 1, 8)), False, 0)
    launches = device.counters.launches
    cuda.kernels["linear"]((*whole[:2], (1, 8), (8, 1), 0), row, flat, line)
    assert device.counters.launches == launches + 1
    np.testing.assert_array_equal(fetch(cuda, whole)[0, 0], x @ weight.T + bias)
    assert stand_in.calls == 0


# ---- handles -------------------------------------------------------------------------------------
def multiply(cuda: Any) -> None:
    """A product that cuBLAS would do, checked."""
    a, b = np.arange(20.0).reshape(1, 4, 5), np.arange(15.0).reshape(1, 5, 3)
    out = place(cuda, np.zeros((1, 4, 3)), False, 0)
    cuda.kernels["matmul"](out, place(cuda, a, False, 0), place(cuda, b, False, 0))
    np.testing.assert_array_equal(fetch(cuda, out), a @ b)


def test_what_failed_to_start_is_told_once_and_tried_again(
    cuda: Any, stand_in: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    """Our own kernels multiply meanwhile; the pauses grow."""
    stand_in.failing = [3] * 8  # four attempts, each with the cache emptied in between
    started = []
    for _ in range(12):
        multiply(cuda)
        started.append(stand_in.started)
    assert started == [2, 4, 4, 6, 6, 6, 6, 8, 8, 8, 8, 8]
    assert stand_in.calls == 0
    (told,) = caplog.messages
    assert told.startswith("cublasCreate failed on cuda:0 (cuBLAS status 3): ")
    for _ in range(5):
        multiply(cuda)
    assert (stand_in.started, stand_in.calls) == (9, 2)


def test_a_full_device_makes_room_for_a_handle(cuda: Any, stand_in: StandIn) -> None:
    stand_in.failing = [3]
    multiply(cuda)
    assert (stand_in.started, stand_in.calls) == (2, 1)


def test_a_refused_product_is_told_and_multiplied(
    cuda: Any, stand_in: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    stand_in.refused = 13
    multiply(cuda)
    multiply(cuda)
    (told,) = caplog.messages
    assert told.startswith("cublasDgemm failed on cuda:0 (cuBLAS status 13): ")
    stand_in.refused = 0
    multiply(cuda)
    assert stand_in.calls == 1


def test_each_stream_has_its_memory_to_work_in(
    cuda: Any, device: Any, runtime: Any, stand_in: StandIn
) -> None:
    multiply(cuda)
    multiply(cuda)
    other = device.new_stream()
    try:
        runtime.choose(other)
        multiply(cuda)
    finally:
        runtime.choose(device.default_stream)
    multiply(cuda)
    thread = threading.Thread(target=multiply, args=(cuda,))
    thread.start()
    thread.join()
    default = device.default_stream.handle
    assert stand_in.streams == [default, other.handle, default, default]
    assert stand_in.workspaces[0] == stand_in.workspaces[2] == stand_in.workspaces[3]
    assert stand_in.workspaces[0][0] != stand_in.workspaces[1][0]
    assert {nbytes for _, nbytes in stand_in.workspaces} == {4 << 20}
    assert (stand_in.started, stand_in.calls) == (2, 5)


def test_a_thread_that_ends_leaves_its_handle_to_others(cuda: Any, stand_in: StandIn) -> None:
    for _ in range(4):
        thread = threading.Thread(target=multiply, args=(cuda,))
        thread.start()
        thread.join()
    assert (stand_in.started, stand_in.calls) == (1, 4)


# ---- captures ------------------------------------------------------------------------------------
def captured(cuda: Any) -> None:
    """A product in a graph, which is not run: the stand-in cannot be captured."""
    graph = cuda.new_graph(0)
    views = [place(cuda, np.ones(shape), False, 0) for shape in ((1, 4, 5), (1, 5, 3), (1, 4, 3))]
    graph.begin(0, 0)
    try:
        cuda.kernels["matmul"](views[2], *views[:2])
    finally:
        graph.end()


def test_a_handle_is_not_made_in_a_capture(cuda: Any, stand_in: StandIn) -> None:
    captured(cuda)  # by our own kernels
    assert stand_in.started == stand_in.calls == 0
    multiply(cuda)
    assert (stand_in.started, stand_in.calls) == (1, 1)


def test_each_capture_has_its_memory_to_work_in(
    cuda: Any, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    multiply(cuda)
    monkeypatch.setattr(stand_in, "cublasDgemmStridedBatched", lambda *arguments: 0)
    captured(cuda)
    captured(cuda)
    assert len(stand_in.workspaces) == len(stand_in.streams) == 3
    assert len({pointer for pointer, _ in stand_in.workspaces[:2]}) == 2
    monkeypatch.undo()

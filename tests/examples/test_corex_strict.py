"""The strict backend itself: it refuses what the contract forbids, queues, poisons and counts."""

from __future__ import annotations

import gc
import importlib
import warnings
from typing import Any

import pytest

import corex
from corex import dtypes as dt
from corex.plugins import manager
from corex.tensor.schema import REGISTRY
from tests.examples.programs import PROGRAMS

pytestmark = pytest.mark.usefixtures("strict")

POISON = 0xCB


@pytest.fixture
def backend(strict: str) -> Any:
    return manager.backend(strict)


def breach() -> type[Exception]:
    found: type[Exception] = importlib.import_module("corex_strict").StrictError
    return found


def line(backend: Any, count: int, dtype: Any = dt.float32, device: int = 0, **other: Any) -> Any:
    """A one-dimensional view of fresh memory."""
    buffer = other.get("buffer") or backend.allocate(64 * dtype.itemsize, device)
    return (buffer, dtype, (count,), (other.get("stride", 1),), other.get("offset", 0))


def content(backend: Any, buffer: Any) -> bytes:
    data = bytearray(backend.nbytes(buffer))
    backend.copy_to_host(buffer, 0, memoryview(data))
    return bytes(data)


# ---- what is refused -------------------------------------------------------------------------
def refused(backend: Any, kernel: str, *arguments: Any) -> str:
    with pytest.raises(breach(), match=rf"^{kernel}: ") as caught:
        backend.kernels[kernel](*arguments)
    return str(caught.value)


def test_views_of_two_devices(backend: Any) -> None:
    a, b = line(backend, 4), line(backend, 4, device=1)
    assert refused(backend, "exp", a, b) == "exp: input 0 is on strict:1, the output on strict:0"


def test_memory_of_others(backend: Any) -> None:
    assert "memory of somebody else" in refused(
        backend, "exp", line(backend, 4), line(backend, 4, buffer=bytearray(64))
    )
    freed = line(backend, 4)
    freed[0].free()
    assert "was freed" in refused(backend, "exp", line(backend, 4), freed)


@pytest.mark.parametrize(
    "count, stride, offset, reason",
    [
        (65, 1, 0, "from element 0 to 64 of a buffer of 256 bytes"),
        (64, 1, 1, "from element 1 to 64"),
        (3, -1, 1, "from element -1 to 1"),
        (22, 3, 1, "from element 1 to 64"),
        (4, 1, -1, "has offset -1"),
        (4, 1.0, 0, "no tuple of ints"),
    ],
)
def test_views_outside_their_buffer(
    backend: Any, count: int, stride: Any, offset: int, reason: str
) -> None:
    view = line(backend, count, stride=stride, offset=offset)
    assert reason in refused(backend, "exp", line(backend, 4), view)


def test_outputs_that_share_elements(backend: Any) -> None:
    assert "share memory" in refused(backend, "fill", line(backend, 4, stride=0), 1.0)
    buffer = backend.allocate(256, 0)
    overlapping = (buffer, dt.float32, (3, 3), (2, 1), 0)
    assert "share memory" in refused(backend, "fill", overlapping, 1.0)
    backend.kernels["fill"](line(backend, 1, stride=0), 1.0)
    backend.kernels["fill"]((buffer, dt.float32, (3, 2), (2, 1), 0), 1.0)


def test_partial_overlap_of_output_and_input(backend: Any) -> None:
    buffer = backend.allocate(256, 0)
    a = line(backend, 4, buffer=buffer)
    backend.kernels["fill"](line(backend, 64, buffer=buffer), 1.0)
    backend.kernels["exp"](a, a)
    odd, even = (line(backend, 4, buffer=buffer, stride=2, offset=i) for i in (1, 0))
    backend.kernels["exp"](odd, even)
    for other in (line(backend, 4, buffer=buffer, offset=1), line(backend, 4, buffer=buffer,
                  stride=-1, offset=3)):  # fmt: skip
        assert "overlaps the output partly" in refused(backend, "exp", other, a)


def test_dtypes(backend: Any) -> None:
    double = line(backend, 4, dt.float64, device=1)
    assert "float64, which strict:1 does not hold" in refused(backend, "exp", double, double)
    whole = line(backend, 4, dt.int64)
    assert "(int64, int64), which it does not take" in refused(backend, "exp", whole, whole)
    assert backend.select("exp", (dt.int64, dt.int64)) is None
    assert backend.select("exp", (dt.float32, dt.float32)) is not None
    assert backend.select("softmax", (dt.float32, dt.float32)) is None


@pytest.mark.parametrize("kernel, arguments, reason", [
    ("add", lambda a, b: (a(3), b(3), b(4)), "input 1 has shape (4,), the output (3,)"),
    ("add", lambda a, b: (a(3), b(3)), "hold 2 views"),
    ("add", lambda a, b: (a(3), b(3), b(3), 1), "are 1, but it takes 0"),
    ("fill", lambda a, b: (a(3), "1"), "parameter 0 is '1', of type str"),
    ("sum", lambda a, b: (a(3), b(3), 1), "has shape (3,) instead of ()"),
    ("amax", lambda a, b: (a(0), b(0), 0), None),
    ("matmul", lambda a, b: (a(3), b(3), b(3)), "the inputs have shapes"),
])  # fmt: skip
def test_shapes_and_parameters(backend: Any, kernel: str, arguments: Any, reason: Any) -> None:
    given = arguments(*[lambda count: line(backend, count)] * 2)
    if reason is None:
        backend.kernels[kernel](*given)
    else:
        assert reason in refused(backend, kernel, *given)


def test_copies_outside_the_buffer(backend: Any) -> None:
    buffer = backend.allocate(8, 0)
    for copy in (backend.copy_from_host, backend.copy_to_host):
        with pytest.raises(breach(), match=r"\[4, 9\) is not within its 8 bytes"):
            copy(buffer, 4, memoryview(bytearray(5)))
        with pytest.raises(breach(), match="not a line of bytes"):
            copy(buffer, 0, memoryview(bytearray(8)).cast("i"))
    with pytest.raises(breach(), match="cannot be written"):
        backend.copy_to_host(buffer, 0, memoryview(bytes(8)))


# ---- memory and the queue --------------------------------------------------------------------
def test_new_and_freed_memory_is_poisoned(backend: Any) -> None:
    buffer = backend.allocate(16, 0)
    assert content(backend, buffer) == bytes([POISON]) * 16
    backend.copy_from_host(buffer, 0, memoryview(bytes(16)))
    bytes_of_it = buffer.content
    del buffer
    backend.synchronize(0)
    assert set(bytes_of_it.tolist()) == {POISON}


def test_work_is_queued_until_somebody_waits(backend: Any) -> None:
    backend.synchronize(0)
    a = corex.zeros(4, device="strict:0")
    b = a + 1
    device = backend.devices[0]
    assert device.pending() > 0
    peek = b.storage_.buffer.content
    assert set(peek.tolist()) == {POISON}
    backend.synchronize(0)
    assert device.pending() == 0
    assert set(peek.tolist()) != {POISON}
    c = b * 2
    with pytest.raises(IndexError, match="index 9 is out of bounds"):
        c[corex.tensor([9], device="strict:0")]
    assert c.tolist() == [2, 2, 2, 2]


def test_memory_is_counted_per_device_and_ends(backend: Any) -> None:
    gc.collect()
    before = [backend.memory_stats(i)["allocated_bytes"] for i in (0, 1)]
    a = corex.zeros(256, device="strict:1")
    now = [backend.memory_stats(i)["allocated_bytes"] for i in (0, 1)]
    assert now == [before[0], before[1] + 1024]
    assert backend.memory_stats(1)["peak_allocated_bytes"] >= now[1]
    del a
    assert backend.memory_stats(1)["allocated_bytes"] == before[1]
    with pytest.raises(corex.OutOfMemoryError, match="strict:1 is out of memory"):
        corex.empty(1 << 30, device="strict:1")
    assert corex.ones(2, device="strict:1").sum().item() == 2


def test_synchronous_on_request(run: Any) -> None:
    program = (
        "import corex; from corex.plugins import manager\n"
        "a = corex.ones(3, device='strict') + 1\n"
        "print(manager.backend('strict').devices[0].pending(), a.storage_.buffer.content[3])"
    )
    assert run("import os; os.environ['COREX_STRICT_SYNC'] = '1'\n" + program) == "0 64\n"


# ---- every op --------------------------------------------------------------------------------
IN_FLOAT64 = {"chain", "randomness"}  # programs that strict:1 cannot run
RUNS = [(name, "strict:0") for name in PROGRAMS]
RUNS += [(name, "strict:1") for name in PROGRAMS if name not in IN_FLOAT64]


@pytest.mark.parametrize("name, device", RUNS)
def test_every_op_keeps_the_contract(name: str, device: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", corex.FallbackWarning)
        got = PROGRAMS[name](device)
    for a, b in zip(got, PROGRAMS[name]("cpu"), strict=True):
        assert str(a.device) == device
        assert a.dtype is b.dtype
        assert a.shape == b.shape
        expected = b.flatten().tolist()
        assert a.flatten().tolist() == pytest.approx(expected, rel=1e-5, abs=1e-6, nan_ok=True)


def test_the_kernels_are_the_required_tier(backend: Any) -> None:
    required = {name for name, schema in REGISTRY.items() if schema.tier == 1}
    assert required - {"tril", "triu"} | {"copy", "fill", "arange"} == set(backend.kernels)


def test_views_of_nothing_may_point_anywhere() -> None:
    a = corex.zeros(0, 3, device="strict:0")
    part = a[:, 1:]
    assert part.storage_offset() > a.storage().nbytes()
    results = [part * 2, part.contiguous(), corex.cat([part, part]), part.clone().exp_()]
    assert [tuple(t.shape) for t in results] == [(0, 2)] * 4
    assert part.sum(0).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("device", "tiers"),
    [
        ("0", "0,1"),
        pytest.param("0", "0,1,2", marks=pytest.mark.full),
        pytest.param("1", "0,1", marks=pytest.mark.full),
    ],
)
def test_both_devices_conform(run: Any, device: str, tiers: str) -> None:
    program = "import sys; from corex.cli import main; sys.exit(main(sys.argv[1:]))"
    sample = ["--reduced", "--tier", tiers]
    # One process: the machine's other processors are busy with other tests.
    told = run(program, "conformance", "strict", "--device", device, "--jobs", "1", *sample)
    assert "strict conforms in the cases run" in told

"""Mistakes that pass on one stream, with cached memory and exact functions: what finds each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .planting import outcomes, spoiled

pytestmark = [pytest.mark.usefixtures("simulated"), pytest.mark.timeout(300)]

TWO_STREAMS = {
    "COREX_CUDA_ALTERNATE": "1", "COREX_CUDA_POISON": "1", "COREX_CUDA_SIM_DEFERRED": "1",
}  # fmt: skip


def said(python: Any, program: str, **environment: str) -> str:
    """What a program prints."""
    done = python(program, **environment)
    assert done.returncode == 0, done.stderr
    return str(done.stdout).strip()


# ---- two streams -------------------------------------------------------------------------------
CHAINS = """
from corex_cuda_pycuda import simulator
simulator.enable()
{planted}
import corex
chains = [corex.full((5000,), float(k), device="cuda") for k in range(3)]
for _ in range(8):
    for k in range(3):
        chains[k] = chains[k] * 2 + k
corex.cuda.synchronize()
print([t.mean().item() for t in chains])
"""
RIGHT = "[0.0, 511.0, 1022.0]"

FORGETFUL = """
from corex.backend import allocator_blocks as blocks
blocks._noted_address = lambda buffer: blocks._address.__get__(buffer)
"""
SHARED_SCRATCH = """
from corex_cuda_pycuda.ops import reduce
from corex_cuda_pycuda.runtime import Device
kept, genuine = {}, Device.scratch
Device.scratch = lambda device, nbytes: kept.setdefault(nbytes, None) or kept.update(
    {nbytes: genuine(device, nbytes)}) or kept[nbytes]
"""
REDUCTIONS = """
from corex_cuda_pycuda import simulator
simulator.enable()
{planted}
import corex
given = [corex.full((300000,), float(k), device="cuda") for k in range(3)]
corex.cuda.synchronize()
sums = [t.sum() for t in given]
corex.cuda.synchronize()
print([t.item() for t in sums])
"""


def test_memory_that_another_stream_still_reads(python: Any) -> None:
    """An allocator that does not know who uses what. (It shows where the writer goes first.)"""
    environment = {**TWO_STREAMS, "COREX_CUDA_SIM_ORDER": "descending"}
    assert said(python, CHAINS.format(planted="")) == RIGHT
    assert said(python, CHAINS.format(planted=FORGETFUL)) == RIGHT
    assert said(python, CHAINS.format(planted=""), **environment) == RIGHT
    assert said(python, CHAINS.format(planted=FORGETFUL), **environment) != RIGHT


def test_memory_that_ops_of_two_streams_share(python: Any) -> None:
    """Scratch that is kept from call to call, which is right on one stream."""
    right = "[0.0, 300000.0, 600000.0]"
    environment = {**TWO_STREAMS, "COREX_CUDA_SIM_INTERLEAVED": "1"}
    assert said(python, REDUCTIONS.format(planted="")) == right
    assert said(python, REDUCTIONS.format(planted=SHARED_SCRATCH)) == right
    assert said(python, REDUCTIONS.format(planted=""), **environment) == right
    assert said(python, REDUCTIONS.format(planted=SHARED_SCRATCH), **environment) != right


def test_the_suites_cases_pass_on_two_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    cases = [
        "sum(dtype=float32,shapes=[(40,64)],n=1,layout=transposed)",
        "matmul(dtype=float32,shapes=[(1,70,70),(1,70,70)],layout=dense)",
        "index(dtype=float32,shapes=[(5,),(4,)],layout=dense,values=high)",
        "nonzero(dtype=bool,shapes=[(1031,)],layout=dense)",
    ]
    for name, value in TWO_STREAMS.items():
        monkeypatch.setenv(name, value)
    assert {result.status for result in outcomes(cases)} == {"passed"}


# ---- memory ------------------------------------------------------------------------------------
UNWRITTEN = """
from corex_cuda_pycuda import simulator
simulator.enable()
import corex
x = corex.zeros(5000, device="cuda")
del x
print(corex.empty(5000, device="cuda").sum().item())  # nobody wrote it
"""


def test_memory_that_nobody_wrote_since_it_was_freed(python: Any) -> None:
    assert said(python, UNWRITTEN) == "0.0"
    assert said(python, UNWRITTEN, COREX_CUDA_POISON="1") == "nan"
    assert said(python, UNWRITTEN, COREX_CUDA_CACHING="0") == "nan"


ASTRAY = """
import struct, tempfile, pathlib
from corex_cuda_pycuda import simulator
simulator.enable()
from corex_cuda_pycuda import runtime
device = runtime.device(0)
file = pathlib.Path(tempfile.mkdtemp()) / "look.cu"
file.write_text('extern "C" __global__ void look(const int *from, int *to) {{ *to = *from; }}')
look = device.function(runtime.Source(str(file)), "look")
to, buffer = device.allocate(4), device.allocate(512)
address = buffer.ptr + {offset}
if {freed}:
    del buffer
    device.allocate(1 << 20)
try:
    device.launch(look, (1, 1, 1), (1, 1, 1), struct.pack("QQ", address, to.ptr))
    print("nothing")
except runtime.LaunchError as error:
    print("freed" if "of the freed device allocation" in str(error) else
          "outside" if "after the end of" in str(error) else error)
"""


@pytest.mark.parametrize(("offset", "freed", "found"), [(600, 0, "outside"), (0, 1, "freed")])
def test_an_access_to_somebody_elses_memory(
    python: Any, offset: int, freed: int, found: str
) -> None:
    """Within what the allocator has cut into pieces, and where an array was."""
    program = ASTRAY.format(offset=offset, freed=freed)
    assert said(python, program) == "nothing"
    assert said(python, program, COREX_CUDA_CACHING="0") == found


# ---- rounding ----------------------------------------------------------------------------------
@pytest.fixture
def rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a GPU."""
    from corex_cuda_pycuda.simulator.build import fuses

    monkeypatch.setenv("COREX_CUDA_SIM_ULPS", "1")
    if fuses():
        monkeypatch.setenv("COREX_CUDA_SIM_FMA", "1")


ACCURATE = [
    "exp(dtype=float32,shapes=[(41,)],layout=dense)",
    "square(dtype=float32,shapes=[(41,)],layout=dense)",
]


def test_a_formula_that_only_exact_functions_bear(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Its errors add up beyond the tolerance once the functions have any."""
    wrong = spoiled(
        tmp_path, "unary.cuh", "UNARY(Exp, exp(x))",
        "UNARY(Exp, exp(x / 8) * exp(x / 8) * exp(x / 4) * exp(x / 2))",
    )  # fmt: skip
    case = ACCURATE[0]
    assert [result.status for result in outcomes([case], wrong)] == ["passed"]
    request.getfixturevalue("rounding")
    assert [result.status for result in outcomes([case])] == ["passed"]
    assert [result.status for result in outcomes([case], wrong)] == ["failed"]


def test_a_formula_that_does_not_bear_fusion(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """A product less itself is zero, unless one of the two is not rounded."""
    from corex_cuda_pycuda.simulator.build import fuses

    if not fuses():
        pytest.skip("this processor does not fuse")
    wrong = spoiled(
        tmp_path, "unary.cuh", "U(x) * U(x), x *x)",
        "U(x) * U(x), [](T x, T m) {"
        " return x * x + T(1e3) * (m * m - T(double(m) * (double(m) + 0.0)));"
        " }(x, fmin(fmax(x, T(-1e15)), T(1e15))))",
    )  # fmt: skip
    case = ACCURATE[1]
    assert [result.status for result in outcomes([case], wrong)] == ["passed"]
    request.getfixturevalue("rounding")
    assert [result.status for result in outcomes([case])] == ["passed"]
    assert [result.status for result in outcomes([case], wrong)] == ["failed"]

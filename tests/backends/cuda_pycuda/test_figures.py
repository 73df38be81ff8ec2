"""What the compile gate knows of kernels: read from machine code, kept in a table, compared."""

from __future__ import annotations

import importlib
import struct
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from .planting import PACKAGE


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(PACKAGE / "tools"))
    return importlib.import_module("figures")


@pytest.fixture
def table(figures: ModuleType) -> ModuleType:
    return importlib.import_module("figures_table")


Compile = Callable[[str], tuple[bytes, str]]


@pytest.fixture
def compile_text(figures: ModuleType) -> Compile:
    """Machine code of a text, and what ptxas says of it."""
    gate, toolkit = (importlib.import_module(name) for name in ("compile_gate", "toolkit"))
    root = toolkit.find_root()
    if root is None or toolkit.library(root, "libnvrtc.so*") is None:
        pytest.skip("NVRTC is not installed")
    compiler = importlib.import_module("nvrtc").Nvrtc(root)

    def compiled(text: str) -> tuple[bytes, str]:
        found: tuple[bytes, str] = compiler.compile(
            text, figures.ARCHITECTURE, (*gate.OPTIONS, figures.OPTION)
        )
        return found

    return compiled


# ---- machine code ------------------------------------------------------------------------------
def test_where_branches_lead(figures: ModuleType) -> None:
    assert figures._jump(0x0000000000304947) == 12
    assert figures._jump(0xFFFFFFFC00DC3947) == -9


LOOPS = """
extern "C" __global__ void twice(float *out, const float *in, int n)
{
#pragma unroll 1
    for (int i = threadIdx.x; i < n; i += 32)
        out[i] = in[i] * 2;
}
extern "C" __global__ void rows(float4 *out, const float4 *in, const float *more, int n)
{
    __shared__ float room[300];
    room[threadIdx.x] = more[threadIdx.x];
#pragma unroll 1
    for (int row = 0; row < n; row++) {
        float sum = more[row];
#pragma unroll 1
        for (int i = threadIdx.x; i < n; i += 32) {
            float4 value = in[i];
            value.x += sum + room[i & 255];
            out[i] = value;
        }
    }
}
extern "C" __global__ void once(double *out, const double *in) { *out = *in; }
"""
SPILLS = """
extern "C" __global__ void __launch_bounds__(1024) many(double *out, const double *in, int n)
{
    double held[64];
#pragma unroll
    for (int k = 0; k < 64; k++)
        held[k] = in[k * n];
    __syncthreads();
#pragma unroll
    for (int k = 0; k < 64; k++)
        out[k * n] = held[k] * held[63 - k];
}
"""


def test_the_busiest_loop_is_found(figures: ModuleType, compile_text: Compile) -> None:
    found = figures.figures(*compile_text(LOOPS))
    assert set(found) == {"twice", "rows", "once"}
    assert found["twice"].moved == 8
    assert 5 <= found["twice"].loop <= 16
    assert found["twice"].per_element(4) == round(found["twice"].loop / 2, 2)
    assert found["rows"].moved == 32  # of the inner loop
    assert found["rows"].loop < found["rows"].instructions / 2
    assert found["rows"].shared == 1200
    assert found["once"].moved == 16
    assert found["once"].loop <= found["once"].instructions
    assert all(one.spilled == 0 and one.registers > 4 for one in found.values())


def test_a_spill_fails(figures: ModuleType, table: ModuleType, compile_text: Compile) -> None:
    (taken,) = figures.figures(*compile_text(SPILLS)).values()
    assert taken.spilled > 0
    key = ("'softmax.cu' with T=double", "many")
    (told,) = table.spills({key: taken})
    assert told == f"SPILLS   softmax.cu T=double: many spills {taken.spilled} bytes"


EXP2 = 2  # of what MUFU computes


def counted(code: bytes, figures: ModuleType, name: str) -> dict[str, int]:
    """Of a kernel: 16-byte loads and stores, and exponentials."""
    text = dict(figures._texts(code))[name]
    words = [struct.unpack_from("<QQ", text, at) for at in range(0, len(text), 16)]

    def wide(opcode: int) -> int:
        return sum(low & 0xFFF == opcode and figures._moves(low, high) == 16 for low, high in words)

    exponentials = sum(low & 0xFFF == 0x308 and high >> 10 & 15 == EXP2 for low, high in words)
    return {"loads": wide(figures.LOAD), "stores": wide(figures.STORE), "exp": exponentials}


@pytest.mark.parametrize("functor", ["Softmax", "LogSoftmax", "LogSoftmaxBackward"])
def test_an_exponential_is_computed_once(
    functor: str, cuda: Any, figures: ModuleType, compile_text: Compile
) -> None:
    """A thread of `held` has eight elements, in two vectors of each operand."""
    from corex.dtypes import float32
    from corex_cuda_pycuda.ops.rows import _softmax_source

    code, _ = compile_text(_softmax_source(functor, float32, "int", 1, 4).text())
    operands = 2 if functor == "LogSoftmaxBackward" else 1
    wanted = {"loads": 2 * operands, "stores": 2, "exp": 8}
    assert counted(code, figures, "held") == wanted
    if functor == "Softmax":  # exponentials are left in the output, and only their sums change
        assert counted(code, figures, "parts")["stores"] == 2
        assert counted(code, figures, "rest")["loads"] == 2


def test_four_vectors_of_a_view_are_in_flight(
    cuda: Any, figures: ModuleType, compile_text: Compile
) -> None:
    from corex.dtypes import float32
    from corex_cuda_pycuda.ops.create import _copy_source

    code, _ = compile_text(_copy_source(float32, float32, "int", 4).text())
    assert counted(code, figures, "strided2")["loads"] >= 4


# ---- the table ---------------------------------------------------------------------------------
KEY = ("'reduce.cu' with REDUCER=Sum, T=float, INDEX=long long", "rows")


def told(table: ModuleType, figures: ModuleType, **changed: int) -> list[str]:
    before = figures.Figures(40, 0, 128, 200, 60, 32)
    kept = table.Table("13.0", {}).updated({KEY: before}, "13.0", True)
    found: list[str] = kept.compare({KEY: before._replace(**changed)}, "13.0")
    return found


def test_a_kernel_that_takes_more_is_told(table: ModuleType, figures: ModuleType) -> None:
    assert told(table, figures) == []
    assert told(table, figures, registers=44, instructions=232, loop=64) == []
    head = "MORE     reduce.cu REDUCER=Sum T=float INDEX=long_long: rows: "
    assert told(table, figures, registers=45) == [f"{head}registers 40 -> 45"]
    assert told(table, figures, shared=132) == [f"{head}shared 128 -> 132"]
    assert told(table, figures, instructions=233) == [f"{head}instructions 200 -> 233"]
    assert told(table, figures, loop=70) == [f"{head}per element 7.5 -> 8.75"]
    assert told(table, figures, registers=20, loop=30) == []


def test_the_table_is_kept(
    table: ModuleType, figures: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(table, "PATH", tmp_path / "table.tsv")
    assert table.Table.read().rows == {}
    taken = figures.Figures(40, 0, 128, 200, 60, 32)
    table.Table("", {}).updated({KEY: taken}, "13.0", False).write()
    kept = table.Table.read()
    assert kept.version == "13.0"
    assert kept.compare({KEY: taken}, "13.0") == []
    (unknown,) = kept.compare({(KEY[0], "columns"): taken}, "13.0")
    assert unknown.startswith("UNKNOWN  reduce.cu REDUCER=Sum T=float INDEX=long_long: columns")
    assert kept.compare({(KEY[0], "columns"): taken}, "13.1") == []
    assert "not compared: the table is of NVRTC 13.0, this is 13.1" in capsys.readouterr().out
    assert kept.compare({}, "13.0") == []
    (gone,) = kept.compare({}, "13.0", whole=True)
    assert gone.startswith("GONE     reduce.cu REDUCER=Sum T=float INDEX=long_long: rows")
    more = kept.updated({(KEY[0], "columns"): taken}, "13.0", False)
    assert len(more.rows) == 2
    assert len(more.updated({KEY: taken}, "13.0", True).rows) == 1


def test_the_table_has_every_text_once(table: ModuleType) -> None:
    kept = table.Table.read()
    assert kept.version
    assert all(row.spilled == 0 or name.startswith(tuple(table.SPILLS))
               for (name, _), row in kept.rows.items())  # fmt: skip

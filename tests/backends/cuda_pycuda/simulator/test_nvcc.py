"""The fake nvcc's reading of command lines and of texts; nothing is compiled here."""

from __future__ import annotations

import pytest

from corex_cuda_pycuda.simulator.nvcc import NotSimulatedError, Rewriter, parse


def rewritten(text: str) -> str:
    """The text without what every module ends with."""
    return Rewriter(text).result().split("\nextern")[0].split("\nstatic thread_local char")[0]


def test_the_command_line_of_pycuda() -> None:
    found = parse("nvcc --cubin -lineinfo -arch sm_90 -code sm_90 -I/a -DX=1 kernel.cu".split()[1:])
    assert found.action == "compile"
    assert (found.target, found.source, found.architecture) == ("cubin", "kernel.cu", 90)
    assert found.passed == ["-I/a", "-DX=1"]


def test_options_with_values_do_not_become_sources() -> None:
    line = "--preprocess -Xcompiler -fPIC --maxrregcount 32 -I include a.cu --compiler-options -P"
    found = parse(line.split())
    assert (found.action, found.source, found.passed) == ("preprocess", "a.cu", ["-Iinclude"])
    found = parse("--ptx --gpu-architecture=compute_75 -o out --use_fast_math a.cu".split())
    assert (found.target, found.architecture, found.output) == ("ptx", 75, "out")
    assert parse(["--version"]).action == "version"


def test_kernels_are_registered_behind_their_definitions() -> None:
    text = "__global__ void __launch_bounds__(64, 2) k(int *a)\n{ a[0] = '}'; }\nint after;"
    out = rewritten(text)
    assert "__global__" not in out
    assert "__launch_bounds__" not in out
    kernel, _after = out.split("\nint after")
    assert kernel.endswith('::corexsim::Registration<&k> corexsim_kernel_0("k", 64, 2);')
    assert out.count("\n") == text.count("\n")


def test_templates_are_registered_where_they_are_instantiated() -> None:
    text = (
        "template <typename T, int N> __global__ void k(T *a) { a[N] = 1; }\n"
        "template __global__ void k<float, 3>(float *);\n"
        "__global__ void declared(int);"
    )
    out = rewritten(text)
    assert out.count("Registration") == 1
    assert "Registration<&k<float, 3>>" in out.splitlines()[1]


@pytest.mark.parametrize(
    "text, expected",
    [
        ("__shared__ float a[4];", "static thread_local float a[4];"),
        ("static __shared__ int b;", "static thread_local int b;"),
        (
            "extern __shared__ float c[];",
            "float *const c = ::corexsim::dynamic_shared<float>();",
        ),
        (
            "extern __shared__ __attribute__((aligned(16))) unsigned char raw[];",
            "unsigned char *const raw = ::corexsim::dynamic_shared<unsigned char>();",
        ),
        ('char s[] = "__shared__ x;";', 'char s[] = "__shared__ x;";'),
    ],
)
def test_shared_memory(text: str, expected: str) -> None:
    assert rewritten(text) == expected


@pytest.mark.parametrize(
    "text, why",
    [
        ('# 7 "my.cu"\nvoid f() { asm("ret;"); }', r"my.cu\(7\): error: inline PTX"),
        ("void f() { k<<<1, 1>>>(); }", r"kernel.cu\(1\): error: a launch inside"),
    ],
)
def test_what_is_not_simulated_is_refused_with_its_place(text: str, why: str) -> None:
    with pytest.raises(NotSimulatedError, match=why):
        Rewriter(text).result()

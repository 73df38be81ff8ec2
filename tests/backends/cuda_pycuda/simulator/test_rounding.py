"""What a GPU rounds otherwise: sums fused with products, and functions with CUDA's errors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

PROGRAM = r"""
import json
import numpy as np
from corex_cuda_pycuda import simulator
simulator.enable()
import pycuda.driver as cuda
cuda.init()
context = cuda.Device(0).retain_primary_context()
context.push()
from pycuda.compiler import SourceModule
module = SourceModule('''
__global__ void sum(double *out, double a, double b, double c) { *out = a * b - c; }
__global__ void own_product(double *out, double a, double b, double c)
{
    *out = __dmul_rn(a, b) - c;
}
__global__ void own_sum(double *out, double a, double b, double c) { *out = __dadd_rn(a * b, -c); }
__global__ void own_both(double *out, double a, double b, double c) { *out = __fma_rn(a, b, -c); }
__global__ void functions(float *out, const float *x, int n)
{
    int i = threadIdx.x;
    float v = x[i];
    float all[] = {expf(v), logf(v), ::sin(v), std::cos(v), tanhf(v), powf(v, 1.7f), rsqrtf(v),
                   erff(v), __expf(v), __fdividef(v, 3.0f), float(exp(double(v)))};
    for (int k = 0; k < 11; k++) out[k * n + i] = all[k];
}
''')
result = {}
def run(name, shape, dtype, *arguments, block=1):
    out = np.zeros(shape, dtype)
    module.get_function(name)(cuda.Out(out), *arguments, block=(block, 1, 1))
    return out.tolist()
e = 2.0**-30
numbers = [np.float64(x) for x in (1 + e, 1 + e, 1 + 2 * e)]
result["fuse"] = [run(name, 1, "float64", *numbers)[0]
                  for name in ("sum", "own_product", "own_sum", "own_both")]
x = np.concatenate([[1.0], np.linspace(0.1, 9, 255)]).astype("float32")
result["functions"] = run("functions", (11, 256), "float32", cuda.In(x), np.int32(256), block=256)
context.synchronize()
cuda.Context.pop()
print(json.dumps(result))
"""


def run(**environment: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=100, check=False,
        env={**os.environ, **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


X = np.concatenate([[1.0], np.linspace(0.1, 9, 255)]).astype("float32")
WIDE = X.astype("float64")
ULPS = {"exp": 2, "log": 1, "sin": 2, "cos": 2, "tanh": 2, "pow": 4, "rsqrt": 2}


def steps(found: Any, exact: Any) -> Any:
    """How many float32 lie between."""
    found, exact = (np.asarray(a, "float32").view("int32").astype("int64") for a in (found, exact))
    return found - exact


@pytest.fixture(scope="module")
def off() -> Any:
    """With the errors of a seed."""
    return run(COREX_CUDA_SIM_ULPS="5")["functions"]


@pytest.fixture(scope="module")
def exact() -> Any:
    return run()


def test_functions_are_off_by_what_is_documented(off: Any, exact: Any) -> None:
    """Never by more, mostly by that, either way; not where a GPU is exact."""
    rounded = [
        np.exp(WIDE), np.log(WIDE), np.sin(WIDE), np.cos(WIDE), np.tanh(WIDE),
        WIDE ** float(np.float32(1.7)), 1 / np.sqrt(WIDE),
    ]  # fmt: skip
    for name, found, wanted in zip(ULPS, off, rounded, strict=False):
        distance = steps(found, wanted)
        assert set(np.unique(np.abs(distance))) <= {0, ULPS[name]}, name
        assert {-ULPS[name], ULPS[name]} <= set(distance.tolist()), name
        if name != "exp" and name != "sin" and name != "cos" and name != "tanh":
            assert distance[0] == 0, name  # of 1
    assert np.abs(np.asarray(off[4])).max() <= 1
    assert np.abs(np.asarray(off[7])).max() <= 1
    fast = np.abs(steps(off[8], rounded[0]))
    assert fast.max() > 8
    assert (fast <= 2 + np.floor(np.abs(1.173 * WIDE))).all()
    assert set(np.abs(steps(off[9], X / np.float32(3)))) == {2}
    assert np.abs(steps(exact["functions"][0], rounded[0])).max() <= 1


def test_errors_depend_on_the_seed_alone(off: Any) -> None:
    assert run(COREX_CUDA_SIM_ULPS="5")["functions"] == off
    assert run(COREX_CUDA_SIM_ULPS="6")["functions"] != off


def test_products_are_fused_with_sums(exact: Any) -> None:
    """But not what the program rounds itself."""
    from corex_cuda_pycuda.simulator.build import fuses

    small = 2.0**-60
    assert exact["fuse"] == [0, 0, 0, small]
    if not fuses():
        pytest.skip("this processor does not fuse")
    assert run(COREX_CUDA_SIM_FMA="1")["fuse"] == [small, 0, 0, small]

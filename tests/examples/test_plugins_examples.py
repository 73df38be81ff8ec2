"""The example plugins: one brings a kernel for somebody else's backend, the other brings ops."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import corex
from corex.autograd import gradcheck, gradgradcheck
from corex.plugins import manager
from corex.tensor.schema import REGISTRY
from corex.testing import suite
from tests.examples.conftest import install

PLUGINS = Path(__file__).parents[2] / "examples" / "plugins"


@pytest.fixture(scope="module")
def plugin_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with both plugins installed, on `sys.path`, but not registered."""
    target = tmp_path_factory.mktemp("plugin_site")
    sources = tmp_path_factory.mktemp("plugin_sources")  # building leaves files behind
    ignored = shutil.ignore_patterns("build", "*.egg-info", "__pycache__")
    for name in ("corex-fast-reference", "corex-swiglu"):
        shutil.copytree(PLUGINS / name, sources / name, ignore=ignored)
    install(target, *sorted(sources.iterdir()))
    manager.load()  # so that they are not found as installed plugins, but registered by the tests
    sys.path.insert(0, str(target))
    yield target
    sys.path.remove(str(target))


def registered(module: str, name: str) -> Iterator[ModuleType]:
    plugin = import_module(module)
    manager.register(plugin, name)
    yield plugin
    if name in manager.plugins():
        manager.unregister(name)


@pytest.fixture
def fast(plugin_site: Path) -> Iterator[ModuleType]:
    yield from registered("corex_fast_reference.plugin", "fast_reference")


@pytest.fixture
def swiglu(plugin_site: Path) -> Iterator[ModuleType]:
    yield from registered("corex_swiglu.plugin", "swiglu")


def run(site: Path, program: str, **environment: str) -> str:
    """What a program prints, in a process of its own where the plugins are installed."""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env={**os.environ, "PYTHONPATH": str(site), **environment},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def reasons(program: Callable[[], Any], op: str) -> list[tuple[str, str]]:
    """How and why the op ran, in order of first use."""
    with corex.placement() as report:
        program()
    return [(row.how, row.reason) for row in report.rows() if row.op == op]


OWN = ("native", "kernel, as plugin 'fast_reference' declined this layout")
FAST = ("native", "kernel of plugin 'fast_reference'")


# ---- corex-fast-reference --------------------------------------------------------------------
@pytest.mark.parametrize("dtype", [corex.float32, corex.float64])
def test_products_agree_with_the_replaced_kernel(fast: ModuleType, dtype: corex.DType) -> None:
    with corex.use_backend("reference_py"):
        a, b = corex.randn(3, 5, 7, dtype=dtype), corex.randn(3, 7, 4, dtype=dtype)
        programs: list[Callable[[], Any]] = [
            lambda: a @ b,
            lambda: a[0] @ b[1],
            lambda: a.transpose(0, 1) @ b.transpose(0, 1)[:1],
            lambda: a[:, ::2] @ b[..., 1:],
            lambda: a.mT.contiguous().mT @ b,
        ]
        by_plugin = [program().flatten().tolist() for program in programs[:2] + programs[3:]]
        assert reasons(programs[0], "matmul") == [FAST]
        manager.unregister("fast_reference")
        own = [program().flatten().tolist() for program in programs[:2] + programs[3:]]
        assert reasons(programs[0], "matmul") == [("native", "kernel")]
    for mine, theirs in zip(by_plugin, own, strict=True):
        assert mine == pytest.approx(theirs, rel=1e-4, abs=1e-5)


def test_what_the_kernel_declines_goes_to_the_backends_own(fast: ModuleType) -> None:
    with corex.use_backend("reference_py"):
        a = corex.randn(8, 8)
        assert reasons(lambda: a @ a, "matmul") == [FAST]
        assert reasons(lambda: a.T @ a[:, :4], "matmul") == [FAST]
        assert reasons(lambda: a[:2, :2] @ a[:2, :2], "matmul") == [OWN]
        assert reasons(lambda: a[:1].expand(8, 8) @ a, "matmul") == [OWN]
        whole = a.to(corex.int64)
        assert reasons(lambda: whole @ whole, "matmul") == [("native", "kernel")]
    with corex.use_backend("cpu_c"):
        b = corex.randn(8, 8)
        assert reasons(lambda: b @ b, "matmul") == [("native", "kernel")]


def test_gradients_go_through_the_kernel(fast: ModuleType) -> None:
    with corex.use_backend("reference_py"):
        a = corex.randn(4, 5, dtype=corex.float64, requires_grad=True)
        b = corex.randn(5, 4, dtype=corex.float64, requires_grad=True)
        assert gradcheck(corex.matmul, (a, b))
        assert gradgradcheck(corex.matmul, (a, b))
        assert FAST in reasons(lambda: (a @ b).sum().backward(), "matmul")


def cases(op: str) -> list[Any]:
    found = [case for case in suite.generate(("test", "grad")) if case.op == op]
    return [case for case in found if math.prod(case.fields["shapes"][0]) < 2000]


@pytest.mark.usefixtures("fast")
def test_the_kernel_conforms() -> None:
    bad = [result for case in cases("matmul") if not (result := verdict(case)).good]
    assert not bad


def verdict(case: Any) -> Any:
    return suite.run_case("reference_py", 0, case)


# ---- corex-swiglu ----------------------------------------------------------------------------
def silu(x: float) -> float:
    return x / (1 + math.exp(-x))


@pytest.mark.usefixtures("swiglu", "each_backend")
def test_the_ops_compute() -> None:
    x = corex.tensor([[1.0, -2.0, 3.0, 0.5]])
    assert corex.ops.swiglu(x).tolist() == [pytest.approx([silu(1) * 3, silu(-2) * 0.5])]
    assert corex.ops.swiglu(x.T, dim=0).shape == (2, 1)
    assert corex.ops.squared_relu(x).tolist() == [[1, 0, 9, 0.25]]
    with pytest.raises(RuntimeError, match=r"\[swiglu\] cannot halve dim -1 of shape \(1, 3\)"):
        corex.ops.swiglu(x[:, :3])


@pytest.mark.usefixtures("swiglu", "each_backend")
def test_derivatives_of_both_orders() -> None:
    x = corex.tensor([[1.0, -2.0, 0.7, 0.5], [-0.3, 2.0, 1.5, -1.0]], dtype=corex.float64)
    x.requires_grad_()
    for op in (corex.ops.swiglu, corex.ops.squared_relu):
        assert gradcheck(op, (x,))
        assert gradgradcheck(op, (x,))


def test_the_kernels_run_where_they_are_offered(swiglu: ModuleType) -> None:
    def program() -> None:
        x = corex.randn(2, 6, requires_grad=True)
        (corex.ops.swiglu(x).sum() + corex.ops.squared_relu(x.T).sum()).backward()

    with corex.use_backend("reference_py"):
        assert reasons(program, "swiglu") == [("native", "kernel of plugin 'swiglu'")]
        assert reasons(program, "squared_relu") == [("native", "kernel of plugin 'swiglu'")]
    with corex.use_backend("cpu_c"):
        [(how, why)] = reasons(program, "swiglu")
    assert how == "decomposed"
    assert why.startswith("'cpu_c' has no kernel 'swiglu'")


@pytest.mark.usefixtures("swiglu")
@pytest.mark.parametrize("op", ["swiglu", "squared_relu"])
def test_kernels_and_derivatives_conform(op: str) -> None:
    found = cases(op)
    assert {case.mode for case in found} == {"test", "grad"}
    bad = [result for case in found if not (result := verdict(case)).good]
    assert not bad


def test_unregistering_takes_ops_and_kernels_away(swiglu: ModuleType) -> None:
    corex.ops.swiglu(corex.ones(2))
    manager.unregister(swiglu)
    assert not hasattr(corex.ops, "swiglu")
    assert "squared_relu" not in REGISTRY
    manager.register(swiglu, "swiglu")
    assert corex.ops.squared_relu(corex.tensor([3.0])).tolist() == [9]


# ---- both, as installed ----------------------------------------------------------------------
SESSION = """
import sys
import corex
print("corex_swiglu" in sys.modules, "numpy" in dir(corex))
x = corex.randn(16, 16)
print(hasattr(corex.ops, "swiglu"), hasattr(corex.ops, "squared_relu"))
with corex.placement() as report:
    x @ x
print({row.reason for row in report.rows() if row.op == "matmul"})
"""


def test_installed_they_are_found(plugin_site: Path) -> None:
    output = run(plugin_site, SESSION, COREX_BACKEND="reference_py")
    assert output.splitlines() == [
        *("False False", "True True", "{\"kernel of plugin 'fast_reference'\"}"),
    ]
    output = run(
        plugin_site, SESSION, COREX_BACKEND="reference_py", COREX_DISABLE="swiglu,fast_reference"
    )
    assert output.splitlines() == ["False False", "False False", "{'kernel'}"]


def test_the_command_lists_them(plugin_site: Path) -> None:
    output = run(plugin_site, "from corex.cli import main; main(['backends'])")
    rows = [" ".join(line.split()) for line in output.splitlines()]
    assert "fast_reference corex-fast-reference 0.1.0 0 kernels for matmul on reference_py" in rows
    assert (
        "swiglu corex-swiglu 0.1.0 0 ops squared_relu, swiglu; kernels for squared_relu, swiglu on "
        "reference_py; conformance cases"
    ) in rows
    assert "plugin faults" not in output
    output = run(plugin_site, "from corex.cli import main; main(['backends', '--ops', '-v'])")
    rows = [" ".join(line.split()) for line in output.splitlines()]
    assert "swiglu 2 decomposed native (float32 float64 only)" in rows or (
        "swiglu 2 decomposed native" in rows
    )

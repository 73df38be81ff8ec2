"""The `corex` command."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from corex import cli
from corex.backend import Backend, BackendDescriptor, KernelChoice
from corex.cli import backends, support
from corex.cli.table import table
from corex.dtypes import DType, bool_, float32
from corex.plugins import PluginManager, hookimpl
from corex.tensor.schema import ALL, FLOAT, OpSchema


class Bare(Backend):
    name = "bare"
    device_type = "bare"


class Slow(Backend):
    name = "slow"
    device_type = "slow"

    def warm(self, progress: Callable[[int, int], None] | None = None) -> int:
        if progress is not None:
            progress(1, 1)
        return 3


class Plugin:
    """Brings a backend that works, one that cannot be used, and one that fails to start."""

    @hookimpl
    def corex_backends(self) -> list[BackendDescriptor]:
        return [
            BackendDescriptor("bare", "bare", lambda: None, Bare),
            BackendDescriptor("away", "far", lambda: "no such device", Bare),
            BackendDescriptor("liar", "far", lambda: None, lambda: 1 / 0),  # type: ignore[arg-type, return-value]
            BackendDescriptor("slow", "slow", lambda: None, Slow),
        ]


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    manager = PluginManager()
    manager.register(Plugin(), "odd")
    monkeypatch.setattr(backends, "manager", manager)


def tables(capsys: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    """The blocks of what was printed; of each, the lines by their first word."""
    return [
        {line.split()[0]: " ".join(line.split()) for line in block.splitlines()}
        for block in capsys.readouterr().out.split("\n\n")
    ]


@pytest.mark.usefixtures("plugin")
def test_backends_lists_every_backend_with_its_state(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["backends"]) == 0
    lines, basic, plugins, faults = tables(capsys)
    assert lines["reference_py"].startswith("reference_py cpu all available")
    assert lines["bare"] == "bare bare basic available"
    assert basic == {"basic": "basic dtypes: bool uint8 int32 int64 float32 float64"}
    assert lines["away"] == "away far - unavailable: no such device"
    assert "it failed to start: ZeroDivisionError" in lines["liar"]
    assert plugins["odd"] == "odd - 0 backends bare, away, liar, slow"
    assert plugins["cpu_c"].endswith("0 backend cpu_c")
    assert faults["odd"] == "odd - factory ZeroDivisionError: division by zero"


@pytest.mark.usefixtures("plugin")
def test_backends_shows_faults_in_a_line_and_verbosely(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["backends"])
    brief = capsys.readouterr().out
    [line] = [line for line in brief.splitlines() if "ZeroDivisionError" in line and "odd" in line]
    assert line.split() == ["odd", "-", "factory", *"ZeroDivisionError: division by zero".split()]
    assert "Traceback" not in brief
    cli.main(["backends", "--verbose"])
    assert "Traceback (most recent call last)" in capsys.readouterr().out


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize(
    "name, said",
    [("slow", "slow: 3 kernels ready"), ("bare", "bare: nothing to prepare")],
)
def test_backends_prepares_kernels(
    name: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["backends", "--warm", name]) == 0
    assert capsys.readouterr().out.strip() == said


@pytest.mark.usefixtures("plugin")
def test_backends_cannot_prepare_what_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["backends", "--warm", "away"]) == 1
    assert "no such device" in capsys.readouterr().err


class Partial(Bare):
    """Has kernels for some dtypes of some ops, and trips over a number of views it never gets."""

    def select(self, op: str, dtypes: tuple[DType, ...]) -> KernelChoice | None:
        if op == "exp":
            return KernelChoice(print) if dtypes[1] is float32 else None
        if op == "eq":
            out, a, b = dtypes
            return KernelChoice(print) if out is bool_ and a is b else None
        return None


class PartialPlugin:
    @hookimpl
    def corex_backends(self) -> list[BackendDescriptor]:
        return [BackendDescriptor("bare", "bare", lambda: None, Partial)]


def test_ops_are_counted_by_how_they_run(monkeypatch: pytest.MonkeyPatch) -> None:
    manager = PluginManager()
    manager.register(PartialPlugin())
    ops = [
        OpSchema("eq", ("a", "b"), takes=ALL),
        OpSchema("exp", ("a",), takes=FLOAT),
        OpSchema("silu", ("a",), tier=2, decomposition=print),
        OpSchema("neg", ("a",)),
    ]
    monkeypatch.setattr(support, "REGISTRY", {op.name: op for op in ops})
    assert [line.split() for line in support.summary(manager, ["bare"]).splitlines()] == [
        ["backend", "tier", "native", "decomposed", "fallback"],
        ["bare", "1", "2", "0", "1"],
        ["bare", "2", "0", "1", "0"],
    ]
    assert [line.split(maxsplit=2) for line in support.details(manager, ["bare"]).splitlines()] == [
        ["op", "tier", "bare"],
        ["eq", "1", "native"],
        ["exp", "1", "native (float32 only)"],
        ["silu", "2", "decomposed"],
        ["neg", "1", "fallback"],
    ]


def test_backends_counts_ops_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["backends", "--ops"]) == 0
    assert ["backend", "tier", "native", "decomposed", "fallback"] in [
        line.split() for line in capsys.readouterr().out.splitlines()
    ]


def test_backends_tells_about_a_wrong_default_and_disabled_plugins(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COREX_BACKEND", "nobody")
    monkeypatch.setenv("COREX_DISABLE", "cuda_pycuda")
    monkeypatch.setattr(backends, "manager", PluginManager())
    assert cli.main(["backends"]) == 0
    out = capsys.readouterr().out
    assert "no default backend: COREX_BACKEND=nobody" in out
    assert "disabled by COREX_DISABLE: cuda_pycuda" in out


def test_an_expected_error_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(args: object) -> int:
        raise FileNotFoundError(2, "No such file or directory", "digits\n.bin")

    monkeypatch.delenv("COREX_DEBUG", raising=False)
    monkeypatch.setattr(backends, "run", fail)
    assert cli.main(["backends"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("corex backends: [Errno 2] No such file or directory")
    assert error.count("\n") == 1
    monkeypatch.setenv("COREX_DEBUG", "1")
    with pytest.raises(FileNotFoundError):
        cli.main(["backends"])


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["backends", "--nonsense"]])
def test_a_wrong_command_line_exits_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        cli.main(arguments)
    assert raised.value.code == 2


def test_bench_needs_a_source_checkout(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from corex.cli import bench

    monkeypatch.setattr(bench, "__file__", str(tmp_path / "corex" / "cli" / "bench.py"))
    assert cli.main(["bench"]) == 1
    assert "source checkout only" in capsys.readouterr().err


def test_bench_passes_its_options_on(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from corex.cli import bench

    (tmp_path / "benchmarks").mkdir()
    program = tmp_path / "benchmarks" / "__main__.py"
    program.write_text("import sys; print(sys.argv[1:]); sys.exit(3)")
    monkeypatch.setattr(bench, "__file__", str(tmp_path / "corex" / "cli" / "bench.py"))
    assert cli.main(["bench", "--quick", "--filter", "add"]) == 3
    assert capfd.readouterr().out == "['--quick', '--filter', 'add']\n"


def test_python_dash_m_corex() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "corex", "--version"], capture_output=True, text=True, check=True
    )
    assert result.stdout.startswith("corex 0.")


def test_table_aligns_its_columns() -> None:
    assert table(("a", "b"), [("long", "x"), ("s", "")]) == "a     b\nlong  x\ns"

"""`python -m corex_cuda_pycuda.simulator`, without a compiler: what it does before it builds."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from corex_cuda_pycuda import simulator
from corex_cuda_pycuda.simulator import __main__ as command


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as the builder leaves it, without a compiler having run."""
    folder = tmp_path / "built"
    folder.mkdir()
    (folder / "settings").write_text("compiler=none\nmodules=m\n")
    monkeypatch.setattr(command, "build", lambda: folder)
    monkeypatch.setenv("COREX_CUDA_SIM_CACHE", str(tmp_path))
    return folder


def test_info_tells_where_everything_is(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["info"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{built}\ncompiler=none\nmodules=m\n")
    assert f"driver={built / 'libcuda.so.1'}" in out


def test_run_becomes_the_program(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    environment = {"PATH": "/usr/bin", "COREX_CUDA_SIM_CACHE": str(built.parent)}
    monkeypatch.setattr(command.os, "execvp", lambda name, program: seen.append([name, *program]))
    monkeypatch.setattr(command.os, "environ", environment)
    monkeypatch.setattr(simulator.os, "environ", environment)
    command.main(["run", "prog", "--option"])
    assert seen == [["prog", "prog", "--option"]]
    assert environment["PATH"].split(":") == [str(built / "bin"), "/usr/bin"]
    assert environment["LD_LIBRARY_PATH"] == str(built)
    assert environment["COREX_CUDA_SIMULATOR"] == "1"
    assert environment["PYCUDA_CACHE_DIR"].startswith(f"{built.parent}/kernels-m/")


def test_without_a_compiler_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COREX_CUDA_SIM_CXX", "no-such-compiler")
    monkeypatch.setenv("COREX_CUDA_SIM_CACHE", str(tmp_path))
    assert command.main(["build"]) == 1
    assert "'no-such-compiler' cannot be run" in capsys.readouterr().err


def test_a_build_depends_on_the_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    build = importlib.import_module("corex_cuda_pycuda.simulator.build")
    monkeypatch.setattr(build, "_run", lambda command: type("Done", (), {"stdout": "g++ 1"})())
    first = build.fingerprint(), build.modules_fingerprint()
    monkeypatch.setenv("COREX_CUDA_SIM_CHECKS", "0")
    assert build.fingerprint() != first[0]
    assert build.modules_fingerprint() != first[1]
    assert "-fsanitize" not in build.kernel_flags()


def test_the_switch_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulator, "enable", lambda: pytest.fail("enabled"))
    for value in ("", "0"):
        monkeypatch.setenv(simulator.SWITCH, value)
        assert not simulator.enable_from_environment()

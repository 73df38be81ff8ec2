"""Announces the CUDA backend. Nothing of PyCUDA is loaded before somebody asks for it."""

from __future__ import annotations

import importlib
import importlib.util
import os

import pluggy

from corex.backend import Backend, BackendDescriptor

hookimpl = pluggy.HookimplMarker("corex")


def _probe() -> str | None:
    """Why there is nothing to work with here, or None."""
    from corex_cuda_pycuda import simulator

    if importlib.util.find_spec("pycuda") is None:
        return "PyCUDA is not installed; pip install 'corex[cuda]' on a machine with CUDA"
    simulator.enable_from_environment()
    try:
        driver = importlib.import_module("pycuda.driver")
    except ImportError as error:
        if "libcuda" in str(error):
            return f"there is no NVIDIA driver on this machine: {error}"
        return f"PyCUDA cannot be imported, it does not fit this CUDA or Python: {error}"
    return _no_device(driver) or _no_compiler()


def _no_device(driver: object) -> str | None:
    from corex_cuda_pycuda import runtime

    try:
        count = runtime.device_count()
    except driver.Error as error:  # type: ignore[attr-defined]
        return f"the NVIDIA driver does not start: {error}"
    return None if count else "the NVIDIA driver is here, but it finds no device"


def _no_compiler() -> str | None:
    from corex_cuda_pycuda.runtime import compiler

    if compiler.has_nvcc():
        return None
    return "there is no nvcc, CUDA's compiler: put it on PATH, or set CUDA_HOME"


def _factory() -> Backend:
    if os.environ.get("COREX_CUDA_ALTERNATE", "0") not in ("", "0"):
        from corex_cuda_pycuda.alternating import AlternatingBackend

        return AlternatingBackend()
    from corex_cuda_pycuda.backend import CudaBackend

    return CudaBackend()


@hookimpl
def corex_backends() -> list[BackendDescriptor]:
    """One backend, for device type "cuda"."""
    return [BackendDescriptor("cuda_pycuda", "cuda", _probe, _factory)]

"""What a report says about the circumstances of a run."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path

import numpy as np

from corex.testing.arrays import UNTESTED


def about(backend: str, facts: Mapping[str, str], chosen: str = "") -> dict[str, str]:
    """Facts by label.

    Args:
        backend: the backend's name.
        facts: what a worker tells about it.
        chosen: which cases were chosen, in words.
    """
    found = {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "corex": version("corex"),
        "Python": f"{platform.python_version()} ({platform.python_implementation()})",
        "NumPy": np.__version__,
        "platform": platform.platform(),
        "processor": processor(),
        "distribution": facts.get("distribution") or f"unknown (of {backend})",
        "dtypes held": facts.get("dtypes", ""),
        "traits, declared": facts.get("traits", ""),
        "traits, measured": facts.get("measured", ""),
        "not tested": untested(),
        "weakened": facts.get("weakened", ""),
        "selection": chosen,
    }
    return {label: value for label, value in found.items() if value}


def untested() -> str:
    """The dtypes that no case was made for, and why."""
    missing = ", ".join(UNTESTED)
    return missing and f"{missing}: the package ml_dtypes is not installed"


def version(distribution: str) -> str:
    """The version of an installed distribution."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def processor(info: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's name, as far as the system tells it."""
    try:
        lines = info.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        label, _, name = line.partition(":")
        if label.strip() in ("model name", "Model") and name.strip():
            return name.strip()
    return platform.processor() or platform.machine()

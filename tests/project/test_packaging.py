"""What the installed distribution promises."""

from __future__ import annotations

from importlib.metadata import distribution, entry_points


def test_the_core_depends_on_numpy_and_pluggy_alone() -> None:
    core = [line for line in distribution("corex").requires or () if "extra ==" not in line]
    assert sorted(line.split(">")[0] for line in core) == ["numpy", "pluggy"]


def test_the_backends_are_found_like_a_strangers() -> None:
    points = {
        point.name: point.value
        for point in entry_points(group="corex")
        if point.dist is not None and point.dist.name == "corex"
    }
    assert points == {
        "reference_py": "corex_reference_py.plugin",
        "cpu_c": "corex_cpu_c.plugin",
        "cuda_pycuda": "corex_cuda_pycuda.plugin",
    }

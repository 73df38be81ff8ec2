"""A program in which corex has float16: one row more, and a backend that holds it.

Nothing else is changed: the row is put into the text of `corex.dtypes` before corex is imported. Of
the backend's kernels `copy` alone takes float16.
"""

from __future__ import annotations

import importlib.util
import sys
import types
from pathlib import Path
from typing import Any

ROW = 'Row("float16", 2, "f", "e", "Half", "f2", 2, "F16", ("half",), 11, (-14, 15), "float32"),'
COREX = Path(__file__).parents[2] / "corex" / "dtypes.py"
EXAMPLE = COREX.parents[1] / "examples" / "backends" / "corex-numpy"


def with_a_row() -> None:
    """Puts `corex.dtypes` with one row more where `import corex` finds it."""
    text = COREX.read_text()
    last = text.index("\n)", text.index("ROWS: Final"))
    spec = importlib.util.spec_from_file_location("corex.dtypes", COREX)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["corex.dtypes"] = module
    exec(compile(f"{text[:last]}\n    {ROW}{text[last:]}", str(COREX), "exec"), module.__dict__)


def backend(dtypes: types.ModuleType) -> Any:
    sys.path.insert(0, str(EXAMPLE))
    from corex_numpy.backend import NumpyBackend

    from corex.backend import DTYPES, BackendDescriptor
    from corex.plugins import hookimpl, manager

    held = (*DTYPES, dtypes.by_name("float16"))

    class Half(NumpyBackend):  # type: ignore[misc]
        name = "half"
        device_type = "half"
        takes = types.MappingProxyType({"copy": held})

        def dtypes(self, device: int) -> Any:
            return held

    class Plugin:
        @hookimpl
        def corex_backends(self) -> list[BackendDescriptor]:
            return [BackendDescriptor("half", "half", lambda: None, Half)]

    manager.register(Plugin())


def main() -> None:
    with_a_row()
    import numpy as np
    import pytest

    import corex
    from corex import dtypes
    from corex.tensor.schema import REGISTRY

    backend(dtypes)
    half = dtypes.by_name("float16")
    numbers = np.random.default_rng(0).normal(size=(4, 6)).astype("float16")

    # What follows from the row.
    assert dtypes.promote_types(half, corex.int64) is half
    assert dtypes.promote_types(half, corex.float32) is corex.float32
    assert dtypes.finfo(half).max == float(np.finfo("float16").max)
    assert half.type_name == "HalfTensor"
    assert half in REGISTRY["exp"].takes

    # Backends that do not hold it refuse it, and claim no kernel.
    for name in ("cpu_c", "reference_py"):
        with pytest.raises(TypeError, match="holds no float16 tensors"):
            corex.ones(2, backend=name).to(half)
        found = corex.place_of(name).backend
        assert not any(found.select(op, (half,) * n) for op in found.kernels for n in range(1, 6))

    # One that does computes in float32.
    a = corex.tensor(numbers.astype("float32"), device="half").half()
    single = a.float()
    assert a.dtype is half
    assert a.type() == "corex.HalfTensor"
    assert (a.float().to("cpu").numpy() == numbers).all()
    assert a[0, 0].item() == float(numbers[0, 0])
    functions: dict[str, Any] = {
        "exp": lambda t: t.exp(),
        "add": lambda t: t + t.t()[0][:1],
        "mul": lambda t: t * 0.1,
        "sum": lambda t: t.sum(0),
        "matmul": lambda t: t @ t.t(),
        "softmax": lambda t: t.softmax(1),
        "layer_norm": lambda t: corex.nn.functional.layer_norm(t, (6,)),
    }
    for op, function in functions.items():
        with corex.placement() as report:
            mine = function(a)
        assert report.how(op) == {"upcast"}
        assert mine.dtype is half
        assert corex.equal(mine.float().to("cpu"), function(single).half().float().to("cpu"))
    drawn = corex.rand(5000, device="half", dtype=half)
    assert drawn.dtype is half
    assert bool((drawn < 1).all())

    # Training, and what programs see.
    weight = a.clone().requires_grad_()
    optimizer = corex.optim.SGD([weight], lr=0.5)
    before = (weight.float() ** 2).sum().item()
    for _ in range(3):
        optimizer.zero_grad()
        (weight * weight).mean().backward()
        assert weight.grad is not None
        assert weight.grad.dtype is half
        optimizer.step()
    assert (weight.float() ** 2).sum().item() < before
    assert "dtype=corex.float16" in repr(a[0, :1].reshape(()))
    print("done")


if __name__ == "__main__":
    main()

"""The sample calls leave nothing public out, and each of them runs."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import corex
import corex.nn.functional as F
from corex.tensor.schema import REGISTRY
from tests.sweeps.calls import CALLS, MODULES, SAMPLES, Outcome, run

# Public names that have no sample call, and why.
EXCLUDED = {
    "from_dlpack": "memory of other libraries: tests/interop",
    "from_numpy": "memory of other libraries: tests/interop",
    "frombuffer": "memory of other libraries: tests/interop",
    "get_rng_state": "no tensor goes in: tests/ops/random",
    "set_rng_state": "the state of a generator: tests/ops/random",
    "initial_seed": "no tensor: tests/ops/random",
    "manual_seed": "no tensor: tests/ops/random",
    "seed": "no tensor: tests/ops/random",
    "sgd_step_": "PyTorch has no such function: tests/ops/test_decompositions.py",
    "adam_step_": "PyTorch has no such function: tests/ops/test_decompositions.py",
    "linalg.LinAlgError": "an exception",
    ".cuda": "needs a GPU: tests/backends/cuda_pycuda",
    ".pin_memory": "needs an accelerator: tests/dispatch/test_pinned.py",
    ".is_pinned": "needs an accelerator: tests/dispatch/test_pinned.py",
    ".share_memory_": "moves the memory: tests/ops/create/test_shared.py",
    ".is_shared": "no result: tests/ops/create/test_shared.py",
    ".record_stream": "needs an accelerator: tests/ops/create/test_shared.py",
    "imag": "takes complex tensors alone: tests/ops/test_complex.py",
    ".real": "a property as `real` is a function: tests/ops/test_complex.py",
    ".imag": "takes complex tensors alone: tests/ops/test_complex.py",
    "view_as_real": "takes complex tensors alone: tests/ops/test_complex.py",
    "view_as_complex": "takes pairs: tests/ops/test_complex.py",
    "view_as_real_copy": "takes complex tensors alone: tests/ops/test_older_names.py",
    "view_as_complex_copy": "takes pairs: tests/ops/test_older_names.py",
    ".__rmatmul__": "always NotImplemented",
}

# Kernels that no sample call reaches, and why.
UNREACHED = {
    "sgd_step": "corex.sgd_step_ has no sample call",
    "adam_step": "corex.adam_step_ has no sample call",
    "random_bits": "reached through the generators' own tests",
}


def public() -> Iterator[tuple[str, Any]]:
    """(name as in a sample call, function or property) of everything that must be called."""
    yield from corex.ops.functions.items()
    for name in corex.ops.methods:
        yield f".{name}", inspect.getattr_static(corex.Tensor, name)
    for name in F.__all__:
        yield f"F.{name}", getattr(F, name)
    for module in MODULES:
        space = getattr(corex, module)
        for name in space.__all__:
            yield f"{module}.{name}", getattr(space, name)


def test_every_public_name_has_a_call_or_a_reason() -> None:
    called = {id(inspect.unwrap(call.target)) for call in CALLS}
    missing = [
        name for name, f in public() if id(inspect.unwrap(f)) not in called and name not in EXCLUDED
    ]
    assert not missing, f"add a line in tests/sweeps/samples for {', '.join(missing)}"


def test_every_file_of_samples_is_read() -> None:
    assert set(SAMPLES) == set(SAMPLES[0].parent.iterdir())


def test_every_reason_is_needed() -> None:
    called = {id(inspect.unwrap(call.target)) for call in CALLS}
    names = dict(public())
    assert [n for n in EXCLUDED if n not in names or id(inspect.unwrap(names[n])) in called] == []


def test_texts_are_ids() -> None:
    texts = [(call.where, call.text) for call in CALLS]
    assert len(set(texts)) == len(texts)


def test_every_call_runs_and_reaches_every_kernel(each_backend: str) -> None:
    outcomes: dict[str, Outcome] = {}
    reached: set[str] = set()
    with corex.observe(lambda op: reached.add(op.op)):
        for call in CALLS:
            outcomes[call.text] = run(call, corex, gradients=True)
    failed = {text: o.error for text, o in outcomes.items() if o.error is not None}
    assert not failed
    assert sorted(set(REGISTRY) - reached - set(UNREACHED)) == []

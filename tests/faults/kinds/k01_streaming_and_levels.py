"""Paths that the processor or the size chooses: streaming stores, levels, BLAS or not, threads.

On `cpu_c` every case runs with stores forced past the cache, from the first element on, and in
processes of their own with each level of the instruction set, where the environment says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import corex
from tests.backends.cpu_c import samples
from tests.backends.cpu_c.stepping import VARIANTS, expected, stepped
from tests.faults.replay import in_a_process

KIND = "01: optimizer steps on large parameters computed garbage where stores are streamed"

# 48 MiB of float32 and a rest: what a step streamed on a processor without AVX-512.
LARGE = (48 << 20) // 4 + 3
SMALL = 7_011

LEVELS = ("baseline", "v3", "v4")
STREAMED = {
    "COREX_CPU_STREAM": "always",
    "COREX_CPU_UNLOCK_ABOVE": "0",
    "COREX_CPU_GRAIN": "64",
    "COREX_NUM_THREADS": "4",
}
PATHS = {
    "no BLAS": {"COREX_CPU_BLAS": "never", "COREX_CPU_TINY_GEMM": "0"},
    "one thread": {"COREX_NUM_THREADS": "1"},
}


def _tolerance(dtype: Any) -> float:
    return 1e-5 if dtype is np.float32 else 1e-7


def _step(backend: str, variant: str, dtype: Any, n: int, layout: str = "dense") -> None:
    """The same few numbers over and over: the oracle need not compute as many."""
    rng = np.random.default_rng(0)
    start, grad = rng.normal(size=101).astype(dtype), rng.normal(size=101).astype(dtype)
    times = n // 101 + 1
    many, slope = np.tile(start, times), corex.tensor(np.tile(grad, times))
    if layout == "stepped":
        parameter = corex.tensor(np.repeat(many, 2))[::2].detach()
    elif layout == "transposed":
        parameter = corex.tensor(many.reshape(101, -1).T.copy()).t().detach()
        slope = slope.reshape(101, -1)
    else:
        parameter = corex.tensor(many)
    with _streaming(backend):
        got = stepped(variant, parameter, [slope, slope]).reshape(-1)
    right = np.tile(expected(variant, start, [grad, grad]), times)
    np.testing.assert_allclose(got, right, _tolerance(dtype), _tolerance(dtype))


class _streaming:  # noqa: N801
    """Streams from the first byte on while it lasts."""

    def __init__(self, backend: str) -> None:
        self.backend = backend
        self.before: dict[str, Any] = {}

    def __enter__(self) -> None:
        if self.backend == "cpu_c":
            from corex_cpu_c import _native

            self.before = {"stream": _native.force("stream", "always")}
            self.before["unlock_above"] = _native.force("unlock_above", 0)

    def __exit__(self, *unused: object) -> None:
        for path, value in self.before.items():
            from corex_cpu_c import _native

            _native.force(path, value)


def _family(backend: str, family: Callable[[], Iterator[samples.Result]]) -> None:
    with _streaming(backend), np.errstate(all="ignore"):
        assert samples.check(family)


def _in_place(backend: str, name: str, update: Callable[[Any], Any], formula: Any) -> None:
    """A large tensor that is its own operand, or overlaps it."""
    small = np.random.default_rng(1).normal(size=1000).astype(np.float32)
    a = np.tile(small, 200)
    with _streaming(backend):
        t = corex.tensor(a)
        update(t)
        np.testing.assert_allclose(t.numpy(), formula(a), 1e-5, 1e-5, err_msg=name)


def _moved(a: Any) -> Any:
    a = a.copy()
    a[1:] = a[:-1].copy()
    return a


def _into(t: Any, function: Callable[..., Any], *operands: Any) -> None:
    function(*operands, out=t)


IN_PLACE: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "exp_": (lambda t: t.exp_(), np.exp),
    "mul_ by itself": (lambda t: t.mul_(t), lambda a: a * a),
    "out= is an operand": (lambda t: _into(t, corex.add, t, t), lambda a: a + a),
    "add_ of itself reversed": (lambda t: t.add_(t.flip(0)), lambda a: a + a[::-1]),
    "shifted copy": (lambda t: t[1:].copy_(t[:-1].clone()), _moved),
    "shifted out=": (
        lambda t: _into(t[:-1], corex.neg, t[1:].clone()),
        lambda a: np.concatenate([-a[1:], a[-1:]]),
    ),
    "shifted by one line of the cache": (
        lambda t: t[16:].add_(t[:-16].clone()),
        lambda a: np.concatenate([a[:16], a[16:] + a[:-16]]),
    ),
    "addcmul_ with itself": (lambda t: t.addcmul_(t, t), lambda a: a + a * a),
    "where over itself": (
        lambda t: t.copy_(corex.where(t > 0, t, -t)),
        np.abs,
    ),
    "clamp_": (lambda t: t.clamp_(-1, 1), lambda a: np.clip(a, -1, 1)),
    "masked_fill_": (
        lambda t: t.masked_fill_(t < 0, 7.0),
        lambda a: np.where(a < 0, np.float32(7), a),
    ),
    "lerp_": (lambda t: t.lerp_(corex.ones_like(t), 0.25), lambda a: a + 0.25 * (1 - a)),
}

PROGRAM = """
import numpy as np
import corex
from corex_cpu_c import _native
from tests.backends.cpu_c import samples
np.seterr(all="ignore")
wanted = {wanted!r}
if wanted not in ("", *_native.levels()):
    raise SystemExit  # this processor lacks it
assert _native.level() == (wanted or _native.levels()[-1])
with corex.use_backend("cpu_c"):
    for family in samples.FAMILIES:
        samples.check(family)
"""


def _level(level: str, **environment: str) -> None:
    # A level that the processor lacks is refused by name, so that it is asked for inside.
    program = PROGRAM.format(wanted=level)
    if level:
        program = f"""
from corex_cpu_c import _native
if {level!r} in _native.levels():
    _native.force("level", {level!r})
{program}"""
    in_a_process(program, **environment)


def _level_by_environment() -> None:
    """The lowest level is everywhere; a name that is none is refused, not passed over."""
    told = in_a_process(
        "from corex_cpu_c import _native; print(_native.level())", COREX_CPU_LEVEL="baseline"
    )
    assert told.strip() == "baseline", told
    in_a_process(
        """
        from corex.backend import BackendUnavailableError
        from corex_cpu_c.backend import CpuCBackend
        try:
            CpuCBackend()
        except BackendUnavailableError as error:
            assert "v5" in str(error), error
        else:
            raise AssertionError("level v5 was accepted")
        """,
        COREX_CPU_LEVEL="v5",
    )


def cases(backend: str) -> Iterator[tuple[str, Callable[[], object]]]:
    for variant in VARIANTS:
        for dtype in samples.FLOATS:
            for layout in ("dense", "stepped", "transposed"):
                yield (
                    f"{variant} {dtype.__name__} {layout}",
                    lambda v=variant, d=dtype, k=layout: _step(backend, v, d, SMALL, k),
                )
    for variant in ("SGD, nesterov", "Adam", "AdamW"):
        if backend == "cpu_c":
            yield (
                f"{variant}, 48 MiB",
                lambda v=variant: _step(backend, v, np.float32, LARGE),
            )
    for name, (update, formula) in IN_PLACE.items():
        yield name, lambda n=name, u=update, f=formula: _in_place(backend, n, u, f)
    if backend != "cpu_c":
        return
    for family in samples.FAMILIES:
        yield f"streamed {family.__name__}", lambda f=family: _family(backend, f)
    for level in LEVELS:
        yield f"level {level}, streamed", lambda level=level: _level(level, **STREAMED)
    for name, environment in PATHS.items():
        yield name, lambda e=environment: _level("", **e)
    yield "level by environment", _level_by_environment

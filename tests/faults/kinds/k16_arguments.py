"""Arguments of a wrong type raised what an inner line stumbled over; impossible values nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import corex
import corex.nn.functional as F
from corex.utils import data
from tests.sweeps.argument_calls import outcome, table

KIND = "16: arguments of a wrong type or an impossible value"

WRONG: tuple[Any, ...] = (None, "text", {}, [], object(), lambda: 0)


def cases(backend: str) -> Iterator[tuple[str, Callable[[], None]]]:
    """Pairs of a name and a check; the backend is in use."""
    for name, call in _of_one_tensor():
        for value in WRONG:
            yield f"{name} of {value!r}", lambda c=call, v=value: _named(c, v)  # type: ignore[misc]
    for call, kind in table():
        yield call, lambda c=call, k=kind: _raises(c, k)  # type: ignore[misc]


def _of_one_tensor() -> Iterator[tuple[str, Callable[[Any], Any]]]:
    x = corex.ones(2, 2)
    index = corex.tensor([0, 1])
    names = """
        reshape flatten ravel squeeze permute transpose t narrow select split chunk unbind diagonal
        movedim broadcast_to tile repeat_interleave flip roll rot90 detach kron cross inner clamp
        masked_fill isclose equal max min sort topk argsort einsum take index_select cosine
    """.split()
    arguments: dict[str, tuple[Any, ...]] = {
        "reshape": (4,), "permute": (1, 0), "transpose": (0, 1), "narrow": (0, 0, 1),
        "select": (0, 0), "split": (1,), "chunk": (2,), "movedim": (0, 1),
        "broadcast_to": ((2, 2),),
        "tile": (2,), "repeat_interleave": (2,), "flip": (0,), "roll": (1,), "kron": (x,),
        "cross": (x,), "inner": (x,), "clamp": (0, 1), "masked_fill": (x > 0, 0), "isclose": (x,),
        "equal": (x,), "topk": (1,), "take": (index,), "index_select": (0, index),
    }  # fmt: skip
    for name in names:
        function = getattr(corex, name, None)
        if function is not None and name != "einsum":
            rest = arguments.get(name, ())
            yield name, lambda v, f=function, r=rest: f(v, *r)  # type: ignore[misc]
    yield "add", lambda v: corex.add(x, v)
    yield "x.isclose", lambda v: x.isclose(v)
    yield "linear", lambda v: F.linear(x, v)
    yield "linear's input", lambda v: F.linear(v, x)
    yield "mse_loss", lambda v: F.mse_loss(x, v)
    yield "cross_entropy", lambda v: F.cross_entropy(x, v)
    yield "layer_norm", lambda v: F.layer_norm(v, (2,))
    yield "conv2d", lambda v: F.conv2d(v, corex.ones(1, 1, 2, 2))
    yield "max_pool2d", lambda v: F.max_pool2d(v, 2)
    yield "embedding", lambda v: F.embedding(v, x)


def _named(call: Callable[[Any], Any], value: Any) -> None:
    try:
        call(value)
    except Exception as error:
        found = error
    else:
        raise AssertionError("it was accepted")
    assert type(found) is TypeError, repr(found)
    assert "argument" in str(found), f"names no argument: {found}"


def _raises(call: str, kind: str) -> None:
    found, message = outcome(call, corex, F, data)
    assert found == kind, f"{found} ({message}) instead of {kind}"

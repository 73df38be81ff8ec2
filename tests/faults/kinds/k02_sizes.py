"""Sizes whose products, sums or bytes do not fit 64 bits. All run in processes of their own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial

from tests.faults.replay import in_a_process

KIND = "02: products of sizes overflowed"

# Each raises RuntimeError (OutOfMemoryError is one), or gives what stands behind the arrow.
REFUSED = """
T.ones(1).expand(2**32, 2**32)
T.ones(1).expand(2**32, 2**32).sum()
T.ones(1).expand(2**31, 2**32)
T.ones(1).expand(2**32, 2**32, 0)
T.ones(3)[None].expand(2**62, 3)
T.broadcast_to(T.ones(1), (2**32, 2**32))
T.ones(1).as_strided((2**32, 2**32), (0, 0))
T.ones(1).as_strided((2,), (2**62,))
T.ones(1).expand(2**62).unfold(0, 2**31, 1)
T.meshgrid(T.ones(1).expand(2**32), T.ones(1).expand(2**32), indexing="ij")
T.empty(2**32, 2**32)
T.empty(2**61)
T.empty(2**62)
T.zeros(2**62)
T.full((2**62,), 1.0)
T.empty(0, 2**32, 2**32)
T.empty_strided((2, 2), (2**62, 1))
T.randn(2**62)
T.randint(0, 2, (2**32, 2**32))
T.arange(2**62)
T.arange(-2**62, 2**62)
T.arange(0, 1e30)
T.linspace(0, 1, 2**62)
T.logspace(0, 1, 2**62)
T.eye(2**32)
T.tril_indices(2**32, 2**32)
T.empty(2**31, 0) @ T.empty(0, 2**31)
T.empty(2**32, 0) @ T.empty(0, 2**32)
T.empty(2**62, 0) @ T.empty(0, 2)
T.empty(1, 2**31, 0) @ T.empty(1, 0, 2**31)
T.empty(2**31, 0, dtype=T.int64) @ T.empty(0, 2**31, dtype=T.int64)
F.linear(T.empty(2**31, 0), T.empty(2**31, 0))
F.linear(T.empty(2**62, 0), T.empty(2, 0), T.ones(2))
F.linear(T.ones(1, 1).expand(2**31, 1), T.ones(1, 1).expand(2**31, 1))
T.outer(T.ones(1).expand(2**32), T.ones(1).expand(2**32))
T.kron(T.ones(1).expand(2**32), T.ones(1).expand(2**32))
T.einsum("i,j->ij", T.ones(1).expand(2**32), T.ones(1).expand(2**32))
T.ones(1).expand(2**32, 1) + T.ones(1).expand(2**32)
T.ones(1).expand(2**62) + 1
-T.ones(1).expand(2**62)
T.ones(1).expand(2**62).clone()
T.ones(1).expand(2**62).contiguous()
T.ones(1).expand(2**62).to(T.float64)
T.cat([T.ones(1).expand(2**62)] * 2)
T.cat([T.ones(1).expand(2**61)] * 3)
T.stack([T.ones(1).expand(2**62)] * 2)
T.ones(1).repeat(2**62)
T.ones(1).repeat(2**32, 2**32)
T.ones(2).tile((2**62,))
T.ones(1).repeat_interleave(2**62)
T.ones(2).repeat_interleave(2**62)
F.pad(T.ones(1), (2**62, 2**62))
F.pad(T.ones(1), (2**62, 0))
F.pad(T.ones(1, 1, 3), (2**62, 0), mode="replicate")
F.one_hot(T.tensor([0, 1]), 2**62)
F.conv2d(T.ones(1, 1, 1, 1).expand(1, 1, 2**31, 2**31), T.ones(1, 1, 3, 3))
F.conv2d(T.ones(1, 1, 1, 1).expand(1, 1, 2**31, 2**31), T.ones(1, 1, 1, 1))
F.conv2d(T.ones(1, 1, 1, 1).expand(2**62, 1, 3, 3), T.ones(1, 1, 3, 3))
F.conv2d(T.ones(1, 1, 3, 3), T.ones(1, 1, 1, 1).expand(2**62, 1, 3, 3))
F.conv2d(T.ones(1, 1, 3, 3), T.ones(1, 1, 3, 3), padding=2**62)
F.conv2d(T.ones(1, 1, 3, 3), T.ones(1, 1, 3, 3), dilation=2**62)
F.conv1d(T.ones(1, 1, 1).expand(1, 1, 2**62), T.ones(1, 1, 3))
F.max_pool2d(T.ones(1, 1, 1, 1).expand(1, 1, 2**31, 2**31), 2)
F.avg_pool2d(T.ones(1, 1, 1, 1).expand(1, 1, 2**31, 2**31), 2)
F.max_pool2d(T.ones(1, 1, 1, 1).expand(2**61, 1, 4, 4), 2)
F.adaptive_avg_pool2d(T.ones(1, 1, 4, 4), 2**62)
T.ones(0).reshape(2**32, 2**32, 0)
T.ones(1).new_empty((2**32, 2**32))
"""

ANSWERED = """
T.ones(1).expand(2**62).numel() -> 4611686018427387904
T.ones(1).expand(2**63 - 1).numel() -> 9223372036854775807
T.ones(1).expand(2**62).view(2**31, 2**31).shape -> [2147483648, 2147483648]
T.ones(1).expand(0, 2**32, 2**32).shape -> [0, 4294967296, 4294967296]
T.empty(2**32, 0, 2**32).shape -> [4294967296, 0, 4294967296]
(T.empty(2**62, 0) + 1).shape -> [4611686018427387904, 0]
T.empty(2**62, 0).sum().item() -> 0.0
T.empty(2**62, 0).cumsum(0).shape -> [4611686018427387904, 0]
T.empty(2**62, 0).softmax(1).shape -> [4611686018427387904, 0]
(T.empty(0, 2**62) @ T.empty(2**62, 0)).shape -> [0, 0]
(T.empty(2, 0) @ T.empty(0, 3)).tolist() -> [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
F.linear(T.empty(2, 0), T.empty(3, 0)).tolist() -> [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
F.linear(T.empty(2, 0), T.empty(2, 0), T.ones(2)).tolist() -> [[1.0, 1.0], [1.0, 1.0]]
F.linear(T.empty(1, 2, 0), T.empty(2, 0), T.ones(2)).tolist() -> [[[1.0, 1.0], [1.0, 1.0]]]
F.conv2d(T.empty(1, 0, 3, 3), T.empty(0, 0, 2, 2)).shape -> [1, 0, 2, 2]
T.ones(3)[: 2**62].tolist() -> [1.0, 1.0, 1.0]
T.ones(3)[:: 2**62].tolist() -> [1.0]
T.tril_indices(3, 3).tolist() -> [[0, 1, 1, 2, 2, 2], [0, 0, 1, 0, 1, 2]]
T.triu_indices(2, 3, 1).tolist() -> [[0, 0, 1], [1, 2, 2]]
T.tril_indices(3, 2, -1).tolist() -> [[1, 2, 2], [0, 0, 1]]
"""

_PROGRAM = """
import json, resource, sys
limit = 4 << 30
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
import corex as T
import corex.nn.functional as F
T.set_backend({backend!r})
def ask(line):
    try:
        answer = eval(line)
        return json.dumps(list(answer) if isinstance(answer, tuple) else answer, default=repr)
    except Exception as error:
        names = [each.__name__ for each in type(error).__mro__]
        return ("RuntimeError" if "RuntimeError" in names else names[0]) + ": " + str(error)
for line in {lines!r}:
    print(json.dumps(ask(line)), flush=True)
"""


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line]


def _answers(backend: str, lines: list[str]) -> dict[str, str]:
    out = in_a_process(_PROGRAM.format(backend=backend, lines=lines))
    return dict(zip(lines, map(json.loads, out.splitlines()), strict=True))


def _refused(backend: str) -> None:
    wrong = {
        line: answer
        for line, answer in _answers(backend, _lines(REFUSED)).items()
        if not answer.startswith("RuntimeError: ")
    }
    assert not wrong, wrong


def _answered(backend: str) -> None:
    wanted = dict(line.split(" -> ") for line in _lines(ANSWERED))
    answers = _answers(backend, list(wanted))
    wrong = {line: answer for line, answer in answers.items() if answer != wanted[line]}
    assert not wrong, wrong


def cases(backend: str) -> Iterator[tuple[str, Callable[[], None]]]:
    yield "refused", partial(_refused, backend)
    yield "answered", partial(_answered, backend)

"""Names that PyTorch keeps to say what has taken their place: so do these."""

from __future__ import annotations

from typing import Any, NoReturn

_GONE = "This function was deprecated since version 1.9 and is now removed."

_INSTEAD = {
    "eig": "Use linalg.eig or linalg.eigvals, whose results are complex.",
    "symeig": "Use linalg.eigh or linalg.eigvalsh, which by default read the lower triangle.",
    "solve": "Use linalg.solve, whose arguments are the other way round; lu has the factors.",
    "lstsq": "Use linalg.lstsq, whose arguments are the other way round, or linalg.qr.",
    "matrix_rank": "Use linalg.matrix_rank, where `symmetric` is called `hermitian`.",
}


def _removed(name: str, instead: str) -> Any:
    def function(*args: Any, **kwargs: Any) -> NoReturn:
        raise RuntimeError(f"{_GONE} {instead}")

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Removed, as in PyTorch. {instead}"
    return function


functions = {name: _removed(name, instead) for name, instead in _INSTEAD.items()}

"""The page of PyTorch's names is up to date with what corex has; `make parity` writes it."""

from __future__ import annotations

from tests.parity.table import SPACES, counts, home, read


def test_the_page_says_what_there_is() -> None:
    calls = counts()
    said = read()
    assert set(said) == set(SPACES)
    wrong = []
    for space, (present, absent) in said.items():
        place = home(space)
        wrong += [
            f"{space}.{name} is no longer there" for name in present if not hasattr(place, name)
        ]
        wrong += [f"{space}.{name} is there now" for name in absent if hasattr(place, name)]
        wrong += [
            f"{space}.{name} has {calls[space, name]} calls, not {count}"
            for name, count in present.items()
            if calls[space, name] != count
        ]
    assert wrong == [], "run python -m tests.parity.table (make parity)"

"""Writes `corex/special/bessel_tables.py`: polynomials for Bessel functions, fitted with mpmath.

    python -m tools.bessel_tables        (needs mpmath: pip install mpmath)

Each is the Chebyshev interpolation of a function on an interval mapped to [-1, 1], computed with 50
digits, cut where its coefficients fall below 2e-17, and written by powers, from the highest down.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "corex" / "special" / "bessel_tables.py"
SMALLEST = 2e-17
POINTS = 120

HEADER = '''"""Polynomials for Bessel functions; `tools/bessel_tables.py` wrote them, and says how.

From the highest power down. `u` is the variable, from -1 to 1.
"""

# fmt: off
'''


def functions(mp: Any) -> dict[str, tuple[str, Callable[[Any], Any]]]:
    """Name -> what it is, and the function of u."""
    sqrt, exp, log, pi = mp.sqrt, mp.exp, mp.log, mp.pi

    def near8(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return lambda u: f(sqrt(32 * (u + 1)))

    def near2(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return lambda u: f(sqrt(2 * (u + 1)))

    def waves(order: int, part: Callable[[Any], Any], power: int) -> Callable[[Any], Any]:
        """P or Q of Hankel's expansion, times x**power."""

        def f(u: Any) -> Any:
            x = 8 * sqrt(2 / (u + 1))
            turned = mp.hankel1(order, x) * exp(-1j * (x - (2 * order + 1) * pi / 4))
            return x**power * sqrt(pi * x / 2) * part(turned)

        return f

    def i_scaled(order: int) -> Callable[[Any], Any]:
        return lambda u: exp(-4 * (u + 1)) * mp.besseli(order, 4 * (u + 1)) / (4 * (u + 1)) ** order

    def i_far(order: int) -> Callable[[Any], Any]:
        return lambda u: sqrt(16 / (u + 1)) * exp(-16 / (u + 1)) * mp.besseli(order, 16 / (u + 1))

    def k_far(order: int) -> Callable[[Any], Any]:
        return lambda u: sqrt(4 / (u + 1)) * exp(4 / (u + 1)) * mp.besselk(order, 4 / (u + 1))

    def k0(x: Any) -> Any:
        return mp.besselk(0, x) + log(x / 2) * mp.besseli(0, x)

    def k1(x: Any) -> Any:
        return x * (mp.besselk(1, x) - log(x / 2) * mp.besseli(1, x))

    def y0(x: Any) -> Any:
        return mp.bessely(0, x) - 2 / pi * log(x / 2) * mp.besselj(0, x)

    def y1(x: Any) -> Any:
        return x * (mp.bessely(1, x) - 2 / pi * log(x / 2) * mp.besselj(1, x))

    return {
        "I0_NEAR": ("exp(-x) I0(x), u = x / 4 - 1", i_scaled(0)),
        "I0_FAR": ("sqrt(x) exp(-x) I0(x), u = 16 / x - 1", i_far(0)),
        "I1_NEAR": ("exp(-x) I1(x) / x, u = x / 4 - 1", i_scaled(1)),
        "I1_FAR": ("sqrt(x) exp(-x) I1(x), u = 16 / x - 1", i_far(1)),
        "K0_NEAR": ("K0(x) + log(x / 2) I0(x), u = x**2 / 2 - 1", near2(k0)),
        "K0_FAR": ("sqrt(x) exp(x) K0(x), u = 4 / x - 1", k_far(0)),
        "K1_NEAR": ("x (K1(x) - log(x / 2) I1(x)), u = x**2 / 2 - 1", near2(k1)),
        "K1_FAR": ("sqrt(x) exp(x) K1(x), u = 4 / x - 1", k_far(1)),
        "J0_NEAR": ("J0(x), u = x**2 / 32 - 1", near8(lambda x: mp.besselj(0, x))),
        "J1_NEAR": ("J1(x) / x, u = x**2 / 32 - 1", near8(lambda x: mp.besselj(1, x) / x)),
        "Y0_NEAR": ("Y0(x) - 2 / pi log(x / 2) J0(x), u = x**2 / 32 - 1", near8(y0)),
        "Y1_NEAR": ("x (Y1(x) - 2 / pi log(x / 2) J1(x)), u = x**2 / 32 - 1", near8(y1)),
        "P0": ("Hankel's P of order 0, u = 128 / x**2 - 1", waves(0, mp.re, 0)),
        "Q0": ("x times Hankel's Q of order 0, u = 128 / x**2 - 1", waves(0, mp.im, 1)),
        "P1": ("Hankel's P of order 1, u = 128 / x**2 - 1", waves(1, mp.re, 0)),
        "Q1": ("x times Hankel's Q of order 1, u = 128 / x**2 - 1", waves(1, mp.im, 1)),
    }


def chebyshev(mp: Any, f: Callable[[Any], Any]) -> list[Any]:
    """The coefficients that count."""
    angles = [mp.pi * (j + mp.mpf(1) / 2) / POINTS for j in range(POINTS)]
    values = [f(mp.cos(angle)) for angle in angles]
    found = [
        2 * mp.fsum(value * mp.cos(k * angle) for value, angle in zip(values, angles, strict=True))
        / POINTS
        for k in range(POINTS // 3)
    ]  # fmt: skip
    found[0] /= 2
    last = max(k for k, coefficient in enumerate(found) if abs(coefficient) > SMALLEST)
    return found[: last + 1]


def powers(coefficients: list[Any]) -> list[float]:
    """The same polynomial by powers, the highest first."""
    before, current = [1], [0, 1]
    total = [0 * coefficients[0]] * len(coefficients)
    for coefficient in coefficients:
        for i, part in enumerate(before):
            total[i] += coefficient * part
        following = [0, *[2 * part for part in current]]
        for i, part in enumerate(before):
            following[i] -= part
        before, current = current, following
    return [float(part) for part in reversed(total)]


def lines_of(numbers: list[float], indent: str = "    ") -> str:
    """Three to a line."""
    words = [repr(number) for number in numbers]
    rows = [", ".join(words[i : i + 3]) for i in range(0, len(words), 3)]
    return "".join(f"{indent}{row},\n" for row in rows)


def main() -> None:
    """Writes the file."""
    import mpmath as mp

    mp.mp.dps = 50
    text = HEADER
    for name, (about, f) in functions(mp).items():
        text += f"\n# {about}\n{name} = (\n{lines_of(powers(chebyshev(mp, f)))})\n"
    TARGET.write_text(text)


if __name__ == "__main__":
    main()

"""Writes `corex/special/gamma_tables.py`: polynomials for the gamma family, the inverse of the
error function and Airy's function.

    python -m tools.gamma_tables        (needs mpmath: pip install mpmath)

Fitted as those of `tools/bessel_tables.py` are. `TEMME` are the Taylor coefficients of N. M.
Temme's expansion of the incomplete gamma function (NIST's Digital Library of Mathematical
Functions, 8.12), computed with fractions.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

from tools.bessel_tables import chebyshev, lines_of, powers

TARGET = Path(__file__).parents[1] / "corex" / "special" / "gamma_tables.py"

HEADER = '''"""Polynomials for the gamma family, the inverse of the error function and Airy's;
`tools/gamma_tables.py` wrote them, and says how.

From the highest power down. `u` is the variable, from -1 to 1.
"""

# fmt: off
'''


def functions(mp: Any) -> dict[str, tuple[str, Callable[[Any], Any]]]:
    """Name -> what it is, and the function of u."""
    sqrt, exp, pi = mp.sqrt, mp.exp, mp.pi

    def log_gamma(u: Any) -> Any:
        return mp.digamma(2) if u == 0 else mp.loggamma(2 + u / 2) / (u / 2)

    def inverse(w: Any) -> Any:
        """The y with erf(y)**2 = 1 - exp(-w)."""
        x = sqrt(-mp.expm1(-w))
        if x < 0.9:
            return mp.erfinv(x)
        rest = exp(-w) / (1 + x)
        y = sqrt(w)
        for _ in range(60):  # Newton's method for log(erfc(y)) = log(rest)
            area = mp.erfc(y)
            y += (mp.log(area) - mp.log(rest)) * area * exp(y * y) * sqrt(pi) / 2
        return y

    def near(u: Any) -> Any:
        w = 3 * (u + 1)
        return inverse(w) / sqrt(-mp.expm1(-w))

    def far(u: Any) -> Any:
        return inverse((SPLIT + (u + 1) * WIDTH) ** 2)

    def airy_around(x: Any) -> Callable[[Any], Any]:
        return lambda u: mp.airyai(-x - u * mp.mpf("1.25"))

    def airy_right(u: Any) -> Any:
        zeta = 4 / (u + 1)
        x = (zeta * 3 / 2) ** (mp.mpf(2) / 3)
        return mp.airyai(x) * exp(zeta) * x ** (mp.mpf(1) / 4)

    def airy_left(part: Callable[[Any], Any], power: int) -> Callable[[Any], Any]:
        """Of the sum P cos(c) + Q sin(c), c = zeta - pi / 4, whose conjugate wave is Bi's."""

        def f(u: Any) -> Any:
            zeta = mp.mpf(25) / 2 * sqrt(2 / (u + 1))
            x = (zeta * 3 / 2) ** (mp.mpf(2) / 3)
            wave = (mp.airyai(-x) - 1j * mp.airybi(-x)) * exp(-1j * (zeta - pi / 4))
            return part(wave) * sqrt(pi) * x ** (mp.mpf(1) / 4) * zeta**power

        return f

    return {
        "LOG_GAMMA": ("log(gamma(2 + e)) / e, u = 2 e", log_gamma),
        "ERFINV_NEAR": ("erfinv(x) / x, u = w / 3 - 1, w = -log(1 - x**2)", near),
        "ERFINV_FAR": ("erfinv(x), u = (sqrt(w) - 2.4) / 1.85 - 1", far),
        "AIRY_MIDDLE": ("Ai(x), u = x / 2.1", lambda u: mp.airyai(u * mp.mpf("2.1"))),
        "AIRY_LEFT": ("Ai(-x), u = (x - 3.35) / 1.25", airy_around(mp.mpf("3.35"))),
        "AIRY_OUTER": ("Ai(-x), u = (x - 5.85) / 1.25", airy_around(mp.mpf("5.85"))),
        "AIRY_RIGHT": ("x**(1/4) exp(zeta) Ai(x), u = 4 / zeta - 1", airy_right),
        "AIRY_P": ("the cosine's factor in Ai(-x), u = 312.5 / zeta**2 - 1", airy_left(mp.re, 0)),
        "AIRY_Q": (
            "zeta times the sine's factor, u = 312.5 / zeta**2 - 1",
            airy_left(lambda z: -mp.im(z), 1),
        ),
    }


SPLIT = 2.4
WIDTH = 1.85  # half of it; sqrt(w) ends at 6.1, below the last float64 before 1


# ---- Temme's expansion ---------------------------------------------------------------------------
def temme(powers_of_a: int, terms: int) -> list[list[float]]:
    """c[k] of 8.12.8 as series in eta, from the highest power down."""
    length = terms + 2 * powers_of_a + 4
    mu = _mu(length)
    # 1 / mu = 1 / eta + regular: the inverse of mu / eta, shifted.
    inverse = _inverse(mu[1:])
    stirling = _stirling(powers_of_a + 1)
    current = inverse[1:]  # 1 / mu - 1 / eta
    found = [current]
    for k in range(1, powers_of_a):
        slope = [j * c for j, c in enumerate(current)][1:]
        # Over eta, as 1 / mu: coefficient j belongs to eta**(j - 1).
        whole = [a + (-1) ** k * stirling[k] * b for a, b in zip(slope, inverse, strict=False)]
        assert whole[0] == 0, "the poles cancel"
        current = whole[1:]
        found.append(current)
    needed = [_needed(k, series) for k, series in enumerate(found)]
    return [[float(c) for c in reversed(series)] for series in needed if series]


def _needed(k: int, series: list[Fraction]) -> list[Fraction]:
    """As far as terms count for a > 20 and abs(eta) < 0.36."""
    sizes = [abs(float(c)) * 0.36**n / 20.0**k for n, c in enumerate(series)]
    return series[: 1 + max((n for n, size in enumerate(sizes) if size > 3e-17), default=-1)]


def _mu(length: int) -> list[Fraction]:
    """mu(eta) with mu - log(1 + mu) = eta**2 / 2: mu' mu = eta (1 + mu)."""
    mu = [Fraction(0), Fraction(1)]
    for n in range(2, length):
        # The coefficient of eta**n in mu mu' is (n + 1) / 2 times that of eta**(n + 1) in mu**2.
        known = sum((mu[i] * mu[n + 1 - i] for i in range(2, n)), Fraction(0))
        mu.append((mu[n - 1] * 2 / (n + 1) - known) / 2)
    return mu


def _inverse(series: list[Fraction]) -> list[Fraction]:
    found = [1 / series[0]]
    for n in range(1, len(series)):
        found.append(
            -sum((series[i] * found[n - i] for i in range(1, n + 1)), Fraction(0)) / series[0]
        )
    return found


def _stirling(count: int) -> list[Fraction]:
    """g[k] of gamma(a) ~ sqrt(2 pi / a) (a / e)**a * sum(g[k] / a**k), from mu (5.11.3-5)."""
    mu = _mu(2 * count + 2)
    found, double = [], Fraction(1)
    for k in range(count):
        found.append(mu[2 * k + 1] * double)  # times 1 * 3 * ... * (2 k + 1)
        double *= 2 * k + 3
    return found


def main() -> None:
    """Writes the file."""
    import mpmath as mp

    mp.mp.dps = 50
    text = HEADER
    for name, (about, f) in functions(mp).items():
        text += f"\n# {about}\n{name} = (\n{lines_of(powers(chebyshev(mp, f)))})\n"
    text += "\n# c[k] of DLMF 8.12.8 as polynomials in eta, for k = 0, 1, ...\nTEMME = (\n"
    for row in temme(12, 20):
        text += "    (\n" + lines_of(row, "        ") + "    ),\n"
    TARGET.write_text(text + ")\n")


if __name__ == "__main__":
    main()

"""matplotlib draws tensors as it does arrays: the same picture, pixel by pixel."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

import corex

mpl.use("Agg")

_random = np.random.default_rng(0)
DATA = {
    "x": np.linspace(0, 1, 20), "y": _random.normal(size=20), "n": np.arange(5.0),
    "grid": _random.normal(size=(6, 5)), "rgb": _random.integers(0, 255, (6, 5, 3)).astype("u1"),
}  # fmt: skip
CALLS = """
plt.plot(x, y)
plt.plot(y)
plt.plot(grid)
plt.plot(x, y, x, -y)
plt.scatter(x, y, c=y, s=10 * x)
plt.step(x, y)
plt.bar(n, y[:5])
plt.barh(n, y[:5])
plt.errorbar(x, y, yerr=x)
plt.fill_between(x, y, -y)
plt.hist(y)
plt.hist([y, x])
plt.hist2d(x, y, bins=4)
plt.boxplot(y)
plt.violinplot(y)
plt.stem(x, y)
plt.imshow(grid)
plt.imshow(rgb)
plt.matshow(grid)
plt.pcolormesh(grid)
plt.contour(grid)
plt.contourf(grid)
plt.quiver(grid[0], grid[1], grid[2], grid[3])
plt.vlines(x, 0, y)
plt.pie(abs(y[:5]))
plt.stackplot(x, abs(y), abs(y))
plt.axhline(y[0])
plt.text(x[3], y[3] * 0 + 0.5, f"{float(y[0]):.2f}")
plt.xlim(y[0] - 5, y[1] + 5)
plt.plot(x, y, color=plt.get_cmap("viridis")(x)[3])
""".strip().split("\n")


@pytest.fixture(autouse=True)
def figures() -> Iterator[None]:
    yield
    plt.close("all")


def picture(call: str, names: dict[str, object]) -> np.ndarray:
    plt.close("all")
    plt.figure(figsize=(2, 2), dpi=50)
    eval(call, {"plt": plt, "np": np, **names})
    figure = plt.gcf()
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba()).copy()


@pytest.mark.parametrize("call", CALLS)
def test_pictures(call: str) -> None:
    tensors = {name: corex.from_numpy(array.copy()) for name, array in DATA.items()}
    assert np.array_equal(picture(call, tensors), picture(call, DATA))


def test_half_precision_and_images_from_a_network() -> None:
    image = corex.rand(3, 4, 4).permute(1, 2, 0)
    assert plt.imshow(image).get_array().shape == (4, 4, 3)
    (line,) = plt.plot(corex.ones(3, dtype=corex.float16))
    assert line.get_ydata().tolist() == [1.0, 1.0, 1.0]


def test_gradients_are_refused_with_the_way_out() -> None:
    with pytest.raises(RuntimeError, match=r"Use tensor.detach\(\).numpy\(\) instead"):
        plt.plot(corex.ones(3, requires_grad=True))

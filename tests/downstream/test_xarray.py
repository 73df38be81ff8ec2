"""xarray over tensors: labelled arrays whose data are tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

import corex

TENSORS = """
d.sum()
d.sum("x")
d.any("x")
d.all()
d.count("x")
n.sum("x")
n.fillna(0.)
n.isnull()
n.notnull()
n.dropna("z")
d + e
d * 2
2 * d
d - d.mean("x")
d @ e
xr.dot(d, e)
-d
abs(d)
d ** 2
d > 3
d == d
~(d > 3)
d.isel(x=0)
d.isel(x=slice(None, None, 2))
d.isel(z=[0, 2])
d.isel(x=0, z=[0,2])
d.sel(x=10)
d.sel(y=["a","c"])
d.sel(x=slice(10, 20))
d.loc[10, "a"]
d[0]
d[0, 1, 2]
d[..., 1]
d.transpose("z", "x", "y")
d.T
d.stack(s=("x","y"))
d.stack(s=("x","y")).unstack("s")
d.expand_dims("w")
d.squeeze()
d.rename(x="u")
d.roll(z=1)
d.diff("z")
d.clip(2, 9)
d.round()
d.astype("float32")
d.astype(int)
d.copy()
d.copy(deep=False)
d.broadcast_like(d)
d.sortby("x", ascending=False)
d.groupby("x").map(lambda q: q - q.mean())
d.groupby("x").sum("y")
d.integrate("x")
d.to_dataset(name="q").q
xr.concat([d, d], "x")
xr.concat([d, d], "w")
xr.merge([d.rename("p"), e.rename("q")]).q
xr.align(d, d)[0]
xr.broadcast(d, e)[1]
xr.where(d > 3, d, 0.)
xr.where(d > 3, d, e)
xr.full_like(d, 1)
xr.zeros_like(d)
xr.ones_like(d)
xr.apply_ufunc(lambda q: q * 2, d)
xr.apply_ufunc(np.sin, d)
xr.apply_ufunc(lambda q: q.sum(-1), d, input_core_dims=[["z"]])
xr.polyval(d, xr.DataArray([1., 2.], dims="degree", coords={"degree": [0, 1]}))
np.sin(d)
np.add(d, d)
np.exp(e)
xr.ufuncs.sin(d)
xr.ufuncs.add(d, d)
ds.sum("y").a
(ds + 1).b
ds.isel(z=0).a
ds.to_array()
ds.map(lambda q: q * 2).a
v.sum("x")
v.isel(x=0)
v + v
v.set_dims(("w","x","y","z"))
v.concat([v, v], "x")
d.load()
d.compute()
d.drop_vars("x")
d.assign_coords(z=mk(np.arange(4.)))
d.combine_first(d)
d.dot(e)
d.where(d > 3, 0.)
d.head(z=2)
d.thin(z=2)
d.tail(z=2)
list(d)[0]
d.real
d.conj()
""".strip().split("\n")
"""The data of the result are tensors."""

ARRAYS = """
d.mean(("x","y"))
d.std("z")
d.var()
d.max("x")
d.min()
d.prod("x")
d.argmax("z")
d.argmin("z")
d.median("x")
n.mean("x")
n.max("x")
d.cumsum("z")
d.cumprod("z")
d.coarsen(z=2).mean()
d.groupby("x").mean()
ds.mean().a
v.mean()
""".strip().split("\n")
"""Reductions that skip NaN, which xarray leaves to NumPy; `skipna=False` keeps tensors."""

SKIPPING_NOTHING = """
d.mean(("x","y"), skipna=False)
d.max("x", skipna=False)
d.min(skipna=False)
d.prod("x", skipna=False)
ds.mean(skipna=False).a
v.mean(skipna=False)
""".strip().split("\n")

REFUSED = {
    # The fill value is chosen by NumPy's dtypes alone.
    "n.where(n > 3)": TypeError,
    "d.shift(z=1)": TypeError,
    "d.pad(z=1)": TypeError,
    "d.reindex(x=[10, 30])": TypeError,
    "xr.cov(d, d, 'z')": TypeError,
    # Indices of several dims at once are for NumPy's arrays.
    "d.isel(z=xr.DataArray([0, 1], dims='p'), y=xr.DataArray([1, 2], dims='p'))": TypeError,
    "d.idxmax('x')": TypeError,
    # Arguments and names of NumPy's that the standard does not have.
    "d.std('z', skipna=False)": TypeError,
    "xr.dot(d, e, dim='y')": AttributeError,
    "d.weighted(e).mean('y')": AttributeError,
    "d.rolling(z=2).mean()": AttributeError,
    "d.differentiate('x')": AttributeError,
    "d.quantile(0.5, 'z')": TypeError,
    "d.interp(x=15)": AttributeError,
}

_x = np.arange(24.0).reshape(2, 3, 4)


def environment(make: Callable[[Any], Any]) -> dict[str, Any]:
    """Labelled arrays with one library's data."""
    names = ("x", "y", "z")
    d = xr.DataArray(make(_x), dims=names, coords={"x": [10, 20], "y": ["a", "b", "c"]}, name="d")
    e = xr.DataArray(make(_x[0]), dims=("y", "z"))
    n = xr.DataArray(make(np.where(_x > 20, np.nan, _x)), dims=names)
    v = xr.Variable(names, make(_x))
    ds = xr.Dataset({"a": d, "b": e})
    return {"xr": xr, "np": np, "mk": make, "d": d, "e": e, "n": n, "v": v, "ds": ds}


def tensor(array: Any) -> corex.Tensor:
    return corex.from_numpy(np.array(array))


def compare(call: str, kind: type) -> None:
    expected, found = eval(call, environment(np.array)), eval(call, environment(tensor))
    assert isinstance(found.data, kind)
    assert found.dims == expected.dims
    assert set(getattr(found, "coords", ())) == set(getattr(expected, "coords", ()))
    assert np.dtype(found.dtype) == expected.dtype
    np.testing.assert_allclose(found.values, expected.values, rtol=1e-12)


@pytest.mark.parametrize("call", [*TENSORS, *SKIPPING_NOTHING])
def test_tensors(call: str) -> None:
    compare(call, corex.Tensor)


@pytest.mark.parametrize("call", ARRAYS)
def test_arrays(call: str) -> None:
    compare(call, np.ndarray | np.generic)


@pytest.mark.parametrize("call", REFUSED)
def test_refused(call: str) -> None:
    assert eval(call, environment(np.array)) is not None
    with pytest.raises(REFUSED[call]):
        eval(call, environment(tensor))


def test_gradients() -> None:
    x = corex.ones(2, 3, requires_grad=True)
    labelled = xr.DataArray(x, dims=("a", "b"))
    (labelled * labelled).sum("b").sum().data.backward()
    assert x.grad.tolist() == [[2.0] * 3] * 2


def test_the_data_are_the_tensor() -> None:
    x = corex.ones(2, 3)
    assert xr.DataArray(x).data is x
    assert np.shares_memory(xr.DataArray(x).values, x.numpy())


def test_to_other_forms() -> None:
    d = environment(tensor)["d"]
    expected = environment(np.array)["d"]
    assert "tensor" in repr(d) or "Tensor" in repr(d)
    assert d.to_series().equals(expected.to_series())
    assert d.to_dataframe().equals(expected.to_dataframe())
    assert d.to_dict()["data"] == expected.to_dict()["data"]
    assert d.nbytes == expected.nbytes
    assert d.identical(d.copy())
    assert float(d.sum()) == float(expected.sum())
    xr.testing.assert_allclose(d, d + 0)

"""pandas and pyarrow from tensors, and tensors from theirs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import corex

COLUMN = np.array([3.0, 1.0, 2.0])
WHOLE = np.array([2, 0, 1])
TABLE = np.arange(6.0).reshape(3, 2)
CALLS = """
pd.Series(v)
pd.Series(i, name="n")
pd.Series(m)
pd.Series(h)
pd.DataFrame(t)
pd.DataFrame(t, columns=["a", "b"]).describe()
pd.DataFrame({"a": v, "b": i, "c": m})
pd.DataFrame({"g": ["x", "y", "x"], "b": i}).groupby("g").sum()
pd.DataFrame({"x": [1, 2, 3]}).assign(y=v)
pd.DataFrame({"x": [1.0, 2.0, 3.0]}).mul(v, axis=0)
pd.Index(i)
pd.Series([1.0, 2.0, 3.0])[i]
pd.Series([1.0, 2.0, 3.0]).iloc[i]
pd.Series([1.0, 2.0, 3.0]).isin(v.tolist())
pd.concat([pd.Series(v), pd.Series(v)])
pd.cut(v, 3).codes
pd.isna(v)
pd.Categorical(i).codes
pd.array(v)
v + pd.Series([1.0, 2.0, 3.0])
v.numpy() if hasattr(v, "numpy") else v
""".strip().split("\n")


def environment(tensors: bool) -> dict[str, object]:
    data = {
        "v": COLUMN, "i": WHOLE, "t": TABLE, "m": COLUMN > 1, "h": COLUMN.astype(np.float16),
    }  # fmt: skip
    made = {k: corex.from_numpy(a.copy()) if tensors else a.copy() for k, a in data.items()}
    return {"pd": pd, "np": np, **made}


@pytest.mark.parametrize("call", CALLS)
def test_from_tensors(call: str) -> None:
    expected, found = eval(call, environment(False)), eval(call, environment(True))
    assert type(found) is type(expected)
    if isinstance(expected, np.ndarray):
        np.testing.assert_array_equal(found, expected)
    elif isinstance(expected, pd.Series | pd.DataFrame | pd.Index):
        assert found.equals(expected)
    else:
        assert list(found) == list(expected)


def test_what_takes_a_tensor_for_a_list_of_objects() -> None:
    series, v = pd.Series([1.0, 2.0, 3.0]), corex.from_numpy(COLUMN.copy())
    with pytest.raises(TypeError):
        series + v
    assert not series.isin(v).all()
    assert series.isin(v.numpy()).all()


def test_dtypes_stay() -> None:
    table = pd.DataFrame({"a": corex.ones(2), "b": corex.tensor([1, 2], dtype=corex.int16)})
    assert [str(dtype) for dtype in table.dtypes] == ["float32", "int16"]
    assert pd.Series(corex.ones(2)).astype(corex.float64).dtype == np.float64


@pytest.mark.parametrize("make", [corex.tensor, corex.as_tensor, corex.asarray])
def test_from_pandas(make: object) -> None:
    assert make(pd.Series([1.5, 2.5])).tolist() == [1.5, 2.5]  # type: ignore[operator]
    assert make(pd.Index([1, 2])).dtype is corex.int64  # type: ignore[operator]
    assert make(pd.Series([True, False])).dtype is corex.bool  # type: ignore[operator]
    assert make(pd.DataFrame({"a": [1.0], "b": [2.0]}).values).tolist() == [[1.0, 2.0]]  # type: ignore[operator]
    with pytest.raises(ValueError, match="determine the shape"):
        make(pd.DataFrame({"a": [1.0]}))  # type: ignore[operator]


def test_a_loss_history() -> None:
    history = [{"step": k, "loss": corex.tensor(1.0 / (k + 1)).item()} for k in range(3)]
    assert pd.DataFrame(history)["loss"].tolist() == [1.0, 0.5, pytest.approx(1 / 3)]


# ---- pyarrow ------------------------------------------------------------------------------------
def test_to_arrow() -> None:
    v = corex.from_numpy(COLUMN.copy())
    assert pa.array(v.numpy()).to_pylist() == [3.0, 1.0, 2.0]
    table = pa.table({"a": v.numpy(), "b": corex.tensor([1, 2, 3], dtype=corex.int8).numpy()})
    assert [str(field.type) for field in table.schema] == ["double", "int8"]
    assert pa.Tensor.from_numpy(corex.ones(2, 3).numpy()).shape == (2, 3)
    assert pa.py_buffer(v.numpy()).size == 24
    with pytest.raises(pa.ArrowInvalid, match="did not recognize Python value type"):
        pa.array(v)


def test_from_arrow() -> None:
    array = pa.array([1, 2, 3], pa.int16())
    shared = corex.from_dlpack(array)
    assert shared.dtype is corex.int16
    assert shared.tolist() == [1, 2, 3]
    column = pa.table({"x": [1.0, 2.0]})["x"].to_numpy()
    assert corex.tensor(column).tolist() == [1.0, 2.0]

"""scikit-learn over tensors: with array API dispatch tensors come out, without it arrays."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import sklearn
from sklearn import (
    calibration,
    cluster,
    covariance,
    decomposition,
    discriminant_analysis,
    dummy,
    ensemble,
    gaussian_process,
    impute,
    kernel_approximation,
    kernel_ridge,
    linear_model,
    metrics,
    mixture,
    model_selection,
    naive_bayes,
    neighbors,
    pipeline,
    preprocessing,
    svm,
    tree,
    utils,
)
from sklearn import feature_selection as fs

import corex
from tests.downstream import sklearn_calls
from tests.downstream.comparing import ARRAYS, check, environments

NAMES = {
    "calibration": calibration, "cluster": cluster, "covariance": covariance,
    "dc": decomposition, "da": discriminant_analysis, "dummy": dummy, "ensemble": ensemble,
    "fs": fs, "gp": gaussian_process, "impute": impute, "ka": kernel_approximation,
    "kernel_ridge": kernel_ridge, "lm": linear_model, "metrics": metrics, "mixture": mixture,
    "ms": model_selection, "naive_bayes": naive_bayes, "neighbors": neighbors,
    "pipeline": pipeline, "pp": preprocessing, "svm": svm, "tree": tree, "utils": utils, "np": np,
    "lda": discriminant_analysis.LinearDiscriminantAnalysis(),
}  # fmt: skip
_random = np.random.default_rng(0)
_x = _random.normal(size=(60, 5))
_r = _x @ np.arange(5.0) + 0.1 * _random.normal(size=60)
_s = 1 / (1 + np.exp(-_x[:, 0]))
_y = (_x[:, 0] + 0.3 * _x[:, 1] > 0).astype(np.int64)
DATA = {
    "X": _x, "P": np.abs(_x), "m": (_x > 0).astype(np.int64),
    "y": _y, "y1": 1 - _y, "y3": np.arange(60) % 3,
    "r": _r, "w": np.abs(_r), "pos": np.abs(_r), "pos2": np.abs(_r) + 0.3,
    "sc": _s, "pr": np.stack([_s / 2, 1 - _s, _s / 2], 1),
}  # fmt: skip


@pytest.fixture
def dispatch() -> Iterator[None]:
    with sklearn.config_context(array_api_dispatch=True):
        yield


@pytest.mark.usefixtures("dispatch")
@pytest.mark.parametrize("call", sklearn_calls.TENSORS)
@pytest.mark.filterwarnings("ignore")
def test_tensors(call: str) -> None:
    check(call, NAMES, DATA)


@pytest.mark.usefixtures("dispatch")
@pytest.mark.parametrize("call", sklearn_calls.OF_THE_DEFAULT_DTYPE)
@pytest.mark.filterwarnings("ignore")
def test_of_the_default_dtype(call: str) -> None:
    check(call, NAMES, DATA, dtypes=False, rtol=1e-5)


@pytest.mark.usefixtures("dispatch")
@pytest.mark.parametrize("call", sklearn_calls.ARRAYS)
@pytest.mark.filterwarnings("ignore")
def test_arrays(call: str) -> None:
    check(call, NAMES, DATA, ARRAYS)


@pytest.mark.usefixtures("dispatch")
def test_predictions_of_one_namespace_are_refused_in_another() -> None:
    x, y = corex.from_numpy(_x.copy()), corex.from_numpy(_y.copy())
    model = discriminant_analysis.LinearDiscriminantAnalysis().fit(x, y)
    assert isinstance(model.coef_, corex.Tensor)
    with pytest.raises(ValueError, match="namespace"):
        model.predict(_x)


@pytest.mark.usefixtures("dispatch")
def test_single_precision_stays() -> None:
    scaled = preprocessing.StandardScaler().fit_transform(corex.from_numpy(_x.astype(np.float32)))
    assert scaled.dtype is corex.float32
    expected = preprocessing.StandardScaler().fit_transform(_x)
    np.testing.assert_allclose(scaled.numpy(), expected, rtol=1e-4, atol=1e-5)


# ---- refused with dispatch, because the estimator does not support it ---------------------------
REFUSED = """
cluster.KMeans(2, random_state=0, n_init=1).fit(X)
ensemble.RandomForestClassifier(3, random_state=0).fit(X, y)
impute.SimpleImputer().fit_transform(X)
kernel_ridge.KernelRidge().fit(X, r).predict(X)
lm.LinearRegression().fit(X, r)
metrics.ndcg_score(P, P)
metrics.roc_auc_score(y, sc)
metrics.silhouette_score(X, y)
neighbors.KNeighborsClassifier(3).fit(X, y).predict(X)
svm.SVC().fit(X, y)
tree.DecisionTreeClassifier(random_state=0).fit(X, y).predict(X)
""".strip().split("\n")


@pytest.mark.parametrize("call", REFUSED)
@pytest.mark.filterwarnings("ignore")
def test_refused_with_dispatch_and_fine_without(call: str) -> None:
    over_arrays, over_tensors = environments(NAMES, DATA)
    expected, found = eval(call, over_arrays), eval(call, over_tensors)
    if isinstance(expected, np.ndarray | float):
        np.testing.assert_allclose(found, expected, rtol=1e-7)
    else:
        np.testing.assert_allclose(found.predict(over_tensors["X"]), expected.predict(_x))
    with (
        sklearn.config_context(array_api_dispatch=True),
        pytest.raises((TypeError, ValueError, AttributeError)),
    ):
        eval(call, over_tensors)


WITHOUT = """
lm.LogisticRegression().fit(X, y).predict_proba(X)
lm.Lasso(alpha=0.1).fit(X, r).coef_
ms.train_test_split(X, y, random_state=0)
ms.cross_val_score(lm.Ridge(), X, r)
ms.GridSearchCV(lm.Ridge(), {"alpha": [0.1, 1.0]}).fit(X, r).predict(X)
pipeline.make_pipeline(pp.StandardScaler(), svm.SVC()).fit(X, y).predict(X)
metrics.confusion_matrix(y, y1)
metrics.roc_auc_score(y, sc)
ensemble.GradientBoostingRegressor(n_estimators=3, random_state=0).fit(X, r).predict(X)
gp.GaussianProcessRegressor().fit(X, r).predict(X)
utils.shuffle(X, random_state=0)
""".strip().split("\n")


@pytest.mark.parametrize("call", WITHOUT)
@pytest.mark.filterwarnings("ignore")
def test_without_dispatch(call: str) -> None:
    split = "split" in call or "shuffle" in call  # which index what they get
    check(call, NAMES, DATA, "tensors" if split else ARRAYS, rtol=1e-6)

"""Nothing is left out: every op, public function and method has its tests, or a reason here."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

import corex
from corex.ops.registration import DECLARATIONS
from corex.tensor.schema import REGISTRY
from tests.ops.expressions import lines
from tests.ops.test_decompositions import CASES

# Families whose ops are tested from the table alone.
GENERIC = {"unary", "predicate", "binary", "compare", "reduce"}

# What has tests elsewhere: the file or folder that has them.
ELSEWHERE = {
    "tests/ops/create": """
        arange as_tensor asarray bartlett_window blackman_window empty empty_like empty_permuted
        empty_strided eye frombuffer full full_like hamming_window hann_window kaiser_window
        linspace logspace ones ones_like scalar_tensor tensor tril_indices triu_indices zeros
        zeros_like tril triu
    """,
    "tests/ops/random": """
        bernoulli dropout get_rng_state initial_seed manual_seed multinomial normal rand rand_like
        poisson binomial randint randint_like randn randn_like randperm seed set_rng_state
    """,
    "tests/ops/reduce/test_reductions.py": "cumsum cumprod argsort sort topk",
    "tests/ops/test_linalg.py": """
        cholesky cholesky_inverse cholesky_solve inverse det logdet slogdet qr svd geqrf orgqr ormqr
        triangular_solve lu lu_solve lu_unpack pinverse matrix_exp matrix_power chain_matmul
    """,
    "tests/ops/reduce/test_slices_and_points.py": "histogramdd",
    "tests/ops/test_complex.py": """
        angle complex conj conj_physical imag is_complex is_conj is_neg polar real resolve_conj
        resolve_neg view_as_complex view_as_real
    """,
    "tests/ops/test_conjugates.py": "_neg_view",
    "tests/ops/test_older_names.py": """
        hash_tensor slice_inverse view_as_complex_copy view_as_real_copy
    """,
    "tests/ops/test_fourier.py": "stft istft",
    "tests/ops/test_mantissas.py": "frexp nextafter nonzero_static",
    "tests/ops/test_special.py": "lgamma digamma polygamma mvlgamma erfinv igamma igammac i0",
    "tests/ops/test_decompositions.py": "sgd_step_ adam_step_",
    "tests/interop": "from_numpy from_dlpack",
}
ELSEWHERE_NAMES = {name for names in ELSEWHERE.values() for name in names.split()}

# Methods that are no functions, tested in tests/ops/test_methods.py or by parity.
PLAIN_METHODS = """
    bool byte char short int long half bfloat16 float double cfloat cdouble chalf
    contiguous copy_ cpu cuda
    detach_ expand expand_as fill_
    new_empty new_empty_strided new_full new_ones new_tensor new_zeros repeat reshape_as
    sum_to_size to type type_as unfold view view_as zero_ T H mT mH data bernoulli_ normal_
    random_ uniform_ exponential_ geometric_ cauchy_ log_normal_ resize_ resize_as_
    fill_diagonal_ resize resize_as set_
    squeeze_ unsqueeze_ t_ transpose_ swapaxes_ swapdims_ pin_memory is_pinned share_memory_
    is_shared record_stream
""".split()


@pytest.mark.parametrize("place", ELSEWHERE)
def test_elsewhere_is_there(place: str) -> None:
    path = Path(__file__).parents[2] / place
    files = [path] if path.is_file() else sorted(path.rglob("*.py"))
    text = "".join(file.read_text() for file in files)
    missing = [name for name in ELSEWHERE[place].split() if name.rstrip("_") not in text]
    assert not missing


def called() -> set[str]:
    """Every name that the expressions call as a function."""
    found = set()
    for code, _, _ in lines():
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                found.add(node.func.id)
    return (found - {"t_"}) | {"t"}


@pytest.mark.parametrize("name", REGISTRY)
def test_every_op_has_cases(name: str) -> None:
    schema = REGISTRY[name]
    public = name in corex.ops.functions and (name in called() or name in ELSEWHERE_NAMES)
    kernel_only = name in ("random_bits", "random_uniform", "random_normal", "index")
    assert schema.family in GENERIC or public or name in CASES or kernel_only, (
        f"op '{name}' of family '{schema.family}' has no test: add a line to expressions.py, or a "
        f"case to test_decompositions.py"
    )


@pytest.mark.parametrize("name", [n for n, s in REGISTRY.items() if s.decomposition is not None])
def test_every_decomposition_is_compared(name: str) -> None:
    """Those of families with cases of their own in the suite by tests/ops/test_core.py."""
    assert name in CASES or REGISTRY[name].family in GENERIC


@pytest.mark.parametrize("name", sorted(corex.ops.functions))
def test_every_function_has_cases(name: str) -> None:
    target = next(d.names[0] for d in DECLARATIONS if d.function and name in d.names)
    generic = target in REGISTRY and REGISTRY[target].family in GENERIC
    assert generic or name in called() or name in ELSEWHERE_NAMES, (
        f"corex.{name} has no test: add a line to tests/ops/expressions.py"
    )


@pytest.mark.parametrize("name", sorted(corex.ops.methods))
def test_every_method_is_a_function_or_known(name: str) -> None:
    base = name.rstrip("_")
    assert (
        name in corex.ops.functions
        or (name.endswith("_") and base in corex.ops.functions)
        or (name.startswith("__") and name.endswith("__"))
        or name in PLAIN_METHODS
    ), f"Tensor.{name} has no test: add it to tests/ops/test_methods.py"


@pytest.mark.parametrize("name", sorted(corex.ops.functions))
def test_public_functions_are_documented(name: str) -> None:
    assert inspect.getdoc(corex.ops.functions[name])

"""Wrong calls of which corex and PyTorch make different things, and should not: to be cured.

Function, what differs (the kind of `Difference`); a line that is no longer true should go.
"""

from __future__ import annotations

import re

from tests.fuzz.cases.compared import Difference

TABLE = """
adaptive_max_pool1d_with_indices: RuntimeError for TypeError
adaptive_max_pool2d: RuntimeError for TypeError
adaptive_max_pool3d_with_indices: RuntimeError for TypeError
allclose: accepted
as_strided_: RuntimeError for TypeError
atleast_3d: AttributeError for TypeError
bilinear: accepted
bucketize: RuntimeError for TypeError
cartesian_prod: accepted
cat: RuntimeError for TypeError
cholesky_ex: values
cholesky_inverse: values
clamp_min_: RuntimeError for TypeError
combinations: accepted
cosine_similarity: accepted
cov: accepted
ctc_loss: RuntimeError for TypeError
div: RuntimeError for TypeError
einsum: RuntimeError for ValueError
embedding_bag: accepted
fft2: RuntimeError for TypeError
fill: RuntimeError for TypeError
flip: IndexError for TypeError
fractional_max_pool2d: refused
gelu: RuntimeError for TypeError
hardtanh_: refused
hash_tensor: refused
histogram: refused
histogramdd: RuntimeError for TypeError
ifft2: RuntimeError for TypeError
interpolate: ValueError for TypeError
kl_div: ValueError for TypeError
kl_div: accepted
kl_div: values
linspace: refused
logspace: refused
lstsq: accepted
lu_solve: IndexError for RuntimeError
lu_solve: accepted
lu_unpack: IndexError for RuntimeError
lu_unpack: shape
margin_ranking_loss: accepted
matrix_norm: RuntimeError for TypeError
matrix_power: accepted
max_pool1d_with_indices: RuntimeError for TypeError
mean: RuntimeError for TypeError
moveaxis: RuntimeError for TypeError
multilabel_soft_margin_loss: ValueError for TypeError
new: dtype
ormqr: accepted
pixel_unshuffle: shape
rfftfreq: refused
round: RuntimeError for TypeError
scaled_dot_product_attention: RuntimeError for IndexError
scatter_: RuntimeError for TypeError
scatter_reduce_: RuntimeError for TypeError
soft_margin_loss: accepted
soft_margin_loss: refused
solve_triangular: refused
split: RuntimeError for TypeError
std: RuntimeError for TypeError
sub: refused
sum: RuntimeError for TypeError
tensordot: ValueError for RuntimeError
tensordot: refused
to: RuntimeError for TypeError
to: refused
trapezoid: refused
unique_consecutive: values
where: RuntimeError for TypeError
"""
KNOWN = frozenset(line.strip() for line in TABLE.strip().splitlines())


def known(code: str, found: Difference) -> bool:
    """Whether a wrong call is known to differ in this way."""
    name = re.search(r"^r = [\w.]*?(\w+)\(", code.splitlines()[-1])
    return name is not None and f"{name[1]}: {found.kind}" in KNOWN

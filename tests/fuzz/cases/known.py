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
bilinear: accepted
bucketize: RuntimeError for TypeError
cartesian_prod: accepted
cholesky_inverse: values
cov: accepted
embedding_bag: accepted
fft2: RuntimeError for TypeError
flip: IndexError for TypeError
hardtanh_: refused
ifft2: RuntimeError for TypeError
interpolate: ValueError for TypeError
kl_div: accepted
linspace: refused
logspace: refused
lstsq: accepted
max_pool1d_with_indices: RuntimeError for TypeError
mean: RuntimeError for TypeError
new: dtype
pixel_unshuffle: shape
rfftfreq: refused
round: RuntimeError for TypeError
scaled_dot_product_attention: RuntimeError for IndexError
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

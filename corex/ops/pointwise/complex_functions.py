"""Functions of complex numbers: made of parts, conjugates, sizes and angles.

Their derivatives are PyTorch's: the gradient of a real loss by z = x + iy is dL/dx + i dL/dy.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from corex.dispatch import levels
from corex.dispatch.bind import bind_pointwise
from corex.dtypes import bool_, get_default_dtype
from corex.ops.composed import COMPOSED, composition, inplace_form
from corex.ops.create.like import ones_like
from corex.ops.pointwise import unary as _unary_ops  # noqa: F401 - which declares abs
from corex.ops.pointwise.complex_steps import joined
from corex.ops.promotion import cast, require_tensor
from corex.ops.registration import exported, function, method
from corex.tensor.schema import COMPLEX, FLOAT, REGISTRY, OpSchema
from corex.tensor.tensor import Tensor


# ---- kernels -----------------------------------------------------------------------------------
def _by_kernel(
    name: str, steps: Callable[[Tensor], Tensor], to_real: bool = False
) -> Callable[[Tensor], Tensor]:
    """`steps`, but by the backend's own kernel for complex numbers where it has one.

    Such a kernel is no part of the contract: a place that has none loses nothing but time.
    """
    schema = OpSchema(name, ("a",), decomposition=steps, family="composed", takes=COMPLEX, tier=2)

    def run(a: Tensor) -> Tensor:
        if levels.open:  # interpreters know the steps
            return steps(a)
        dtype = a.key.dtype
        return bind_pointwise(schema, (a,), (), a.shape, dtype.to_real() if to_real else dtype)

    return run


# ---- made of parts -----------------------------------------------------------------------------
_COMPLEX = OpSchema(
    "complex", ("re", "im"), decomposition=joined, family="composed", takes=FLOAT, tier=2
)


def _joined(re: Tensor, im: Tensor) -> Tensor:
    """`joined`, by the backend's own kernel where it has one: see `_by_kernel`."""
    if levels.open or re.shape != im.shape or re.key is not im.key:
        return joined(re, im)
    return bind_pointwise(_COMPLEX, (re, im), (), re.shape, re.key.dtype.to_complex())


_complex = composition(
    "complex", ("re", "im"), _joined,
    {"re": lambda g: g.real, "im": lambda g: g.imag}, fresh=False,
)  # fmt: skip


@function("complex", out="same")
def complex_(real: Tensor, imag: Tensor) -> Tensor:
    """real + i imag, broadcast together.

    Raises:
        RuntimeError: other tensors than two of one floating dtype that complex numbers can have.
    """
    kinds = [require_tensor("complex", t).key.dtype for t in (real, imag)]
    for dtype in kinds:
        if dtype.complex is None:
            raise RuntimeError(
                f"Expected both inputs to be Half, Float or Double tensors but got "
                f"{kinds[0].scalar} and {kinds[1].scalar}"
            )
    if kinds[0] is not kinds[1]:
        raise RuntimeError(
            f"Expected object of scalar type {kinds[0].scalar} but got scalar type "
            f"{kinds[1].scalar} for second argument"
        )
    return _complex(real, imag)


@function(out="same")
def polar(abs: Tensor, angle: Tensor) -> Tensor:
    """The complex numbers of these sizes and angles (in radians), broadcast together.

    Raises:
        RuntimeError: other tensors than two of one dtype, float32 or float64.
    """
    sizes, angles = require_tensor("polar", abs, "abs"), require_tensor("polar", angle, "angle")
    if sizes.key.dtype.complex is None or sizes.key.dtype is not angles.key.dtype:
        raise RuntimeError(
            f"Expected both inputs to be Half, Float or Double tensors of one dtype but got "
            f"{sizes.key.dtype.scalar} and {angles.key.dtype.scalar}"
        )
    return _complex(sizes * angles.cos(), sizes * angles.sin())


# ---- conjugates ----------------------------------------------------------------------------------
_conj = composition(
    "conj_physical", ("a",), _by_kernel("conj", lambda a: joined(a.real, -a.imag)),
    {"a": lambda g: g.conj_physical()},
)  # fmt: skip


@exported(out="same")
def conj_physical(input: Tensor) -> Tensor:
    """The conjugates, as a copy; of real numbers, the tensor itself."""
    return _conj(input) if require_tensor("conj_physical", input).key.dtype.is_complex else input


method("conj_physical_")(inplace_form("conj_physical", conj_physical))


# ---- size, direction, angle ----------------------------------------------------------------------
def _direction(a: Tensor) -> Tensor:
    """z / |z|, and 0 at 0."""
    size = a.real.hypot(a.imag)
    zero = size == 0
    return joined((a.real / size).masked_fill(zero, 0), (a.imag / size).masked_fill(zero, 0))


def _direction_slope(g: Tensor, a: Tensor, y: Tensor) -> Tensor:
    size = abs(a)
    slope = g / size - ((g / y).real * y) / size
    return slope.masked_fill(size == 0, 0)


_abs = composition(
    "complex_abs", ("a",),
    _by_kernel("complex_abs", lambda a: a.real.hypot(a.imag), to_real=True),
    {"a": lambda g, a: g * a.sgn()}, label="AbsBackward0",
)  # fmt: skip
_sgn = composition(
    "complex_sgn", ("a",), _by_kernel("complex_sgn", _direction), {"a": _direction_slope},
    label="SgnBackward0",
)  # fmt: skip


@exported(inplace=True, out="cast")
def sgn(input: Tensor) -> Tensor:
    """z / |z|, 0 at 0; of real tensors the sign."""
    if require_tensor("sgn", input).key.dtype.is_complex:
        return _sgn(input)
    result: Tensor = input.sign()
    return result


def _angle_slope(g: Tensor, a: Tensor) -> Tensor:
    x, y = a.real, a.imag
    square = x * x + y * y
    zero = square == 0
    slope = joined((-y / square).masked_fill(zero, 0), (x / square).masked_fill(zero, 0))
    return g * slope


_angle = composition(
    "complex_angle", ("a",),
    _by_kernel("complex_angle", lambda a: a.imag.atan2(a.real), to_real=True),
    {"a": _angle_slope}, label="AngleBackward0",
)  # fmt: skip
_real_angle = composition(
    "angle", ("a",),
    lambda a: (a < 0).to(a.key.dtype).mul(math.pi).where(a == a, a),
    {"a": lambda g: g.new_zeros(g.shape)},
)  # fmt: skip


@exported(out="cast")
def angle(input: Tensor) -> Tensor:
    """The angle in radians; of real numbers pi below 0, else 0 (NaN of NaN)."""
    a = require_tensor("angle", input)
    if a.key.dtype.is_complex:
        return _angle(a)
    return _real_angle(a if a.is_floating_point() else cast(a, get_default_dtype()))


@exported()
def isreal(input: Tensor) -> Tensor:
    """True where the imaginary part is 0."""
    if require_tensor("isreal", input).key.dtype.is_complex:
        found: Tensor = input.imag == 0
        return found
    return ones_like(input, dtype=bool_)


for _name in ("conj_physical", "complex", "complex_sgn"):
    COMPOSED[_name].analytic = False
REGISTRY["abs"].of_complex = _abs

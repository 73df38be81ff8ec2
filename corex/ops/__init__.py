"""All ops: gathers the functions of the op files and installs them as Tensor methods.

`functions` maps every public name to its function; `corex` exports them, this package has them as
attributes, and `Tensor` gets those in `methods` under the same name. The ops of plugins (`NewOp`)
are attributes of this package, too, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from corex.ops import extension
from corex.ops.composed import inplace_form
from corex.ops.create import constant as create
from corex.ops.create import convert
from corex.ops.create import data as create_data
from corex.ops.create import foreign as create_foreign
from corex.ops.create import host as create_host
from corex.ops.create import like as create_like
from corex.ops.create import ranges as create_ranges
from corex.ops.extension import NewOp as NewOp
from corex.ops.extension import call as call
from corex.ops.guard import guarded
from corex.ops.indexing import along, brackets, gather, masks, nonzero, rows
from corex.ops.linalg import contraction, matmul
from corex.ops.linalg import norms as vector_norm
from corex.ops.nn import (
    activation,
    conv,
    loss,
    normalization,
    optimizer_steps,
    pool,
)
from corex.ops.pointwise import (
    binary,
    binary_composed,
    select,
    ternary_composed,
    unary,
    unary_composed,
)
from corex.ops.random import sampling as random
from corex.ops.reduce import reductions as reduce
from corex.ops.reduce import statistics, unique
from corex.ops.shape import (
    diagonals,
    join,
    pad,
    parts,
    reorder,
    repeat,
    splits,
    stacking,
    views,
    views_inplace,
)
from corex.tensor.lineage import replace_memory
from corex.tensor.schema import OpSchema as OpSchema
from corex.tensor.storage import adopt
from corex.tensor.tensor import Tensor, make

functions: dict[str, Callable[..., Any]] = {}
"""Public name -> function, for `corex.NAME` and `corex.ops.NAME`."""

methods: dict[str, Any] = {}
"""Method name -> function or property, for `Tensor.NAME`."""


def _aliases(table: dict[str, str], into: dict[str, Any]) -> None:
    for name, target in table.items():
        into[name] = into[target]


def _collect() -> None:
    for table in (unary.functions, binary.functions):
        functions.update(table)
        methods.update(table)
    for module in (
        *(create, create_data, create_foreign, create_host, create_like, create_ranges),
        contraction,
    ):
        functions.update(getattr(module, "functions", {}))
        methods.update(getattr(module, "methods", {}))
    for owner, names in _BOTH.items():
        for name in names.split():
            functions[name.rstrip("_")] = methods[name.rstrip("_")] = getattr(owner, name)
    for owner, names in _FUNCTIONS.items():
        for name in names.split():
            functions[name] = getattr(owner, name)
    for owner, names in _METHODS.items():
        for name in names.split():
            methods[name] = getattr(owner, name)
    methods.update(unary.inplace_functions)
    methods.update(binary.inplace_functions)
    methods.update(convert.cast_methods())
    for names_of in (unary.ALIASES, binary.ALIASES):
        _aliases(names_of, functions)
        _aliases(names_of, methods)
    _aliases({"concat": "cat", "concatenate": "cat", "swapaxes": "transpose"}, functions)
    _aliases({"swapdims": "transpose", "moveaxis": "movedim", "clip": "clamp"}, functions)
    _aliases({"swapaxes": "transpose", "swapdims": "transpose", "clip": "clamp"}, methods)
    _aliases({"moveaxis": "movedim"}, methods)
    methods["type"] = convert.type_
    for name in ("add", "sub", "div", "rsub"):
        functions[name] = methods[name] = getattr(binary, name)
    functions["pow"] = methods["pow"] = binary.pow_
    methods["pow_"] = binary.pow_in_place
    for name, target in (("true_divide", "div"), ("divide", "div"), ("subtract", "sub")):
        functions[name] = methods[name] = functions[target]
    methods.update({"add_": binary.add_, "sub_": binary.sub_, "div_": binary.div_})
    for name in _IN_PLACE.split():
        methods[f"{name}_"] = inplace_form(name, functions[name])
    second_names = {**unary.ALIASES, **binary.ALIASES, "clip": "clamp", "true_divide": "div"}
    for name, target in {**second_names, "swapaxes": "transpose", "swapdims": "transpose"}.items():
        if f"{target}_" in methods:
            methods[f"{name}_"] = methods[f"{target}_"]
    functions["row_stack"] = functions["vstack"]
    methods["where"] = select.where_method
    functions["where"] = select.where
    methods.update(_OPERATORS)
    methods.update(_PROPERTIES)
    _guard()


def _guard() -> None:
    """Puts the functions behind `guarded`, but for those whose calls cost next to nothing."""
    quick = {id(f) for table in (unary.functions, binary.functions) for f in table.values()}
    quick |= {id(functions[name]) for name in _QUICK.split()}
    wrapped: dict[int, Any] = {}
    for table, spared in ((functions, _QUICK.split()), (methods, _QUICK_METHODS.split())):
        for name, function in table.items():
            known = id(function) in quick or name in spared or name.startswith("__")
            if known or not callable(function) or name in unary.inplace_functions:
                continue
            found = wrapped.get(id(function)) or guarded(name, function)
            if table is methods and id(function) not in wrapped:
                found.__qualname__ = f"Tensor.{name}"
            wrapped[id(function)] = found
            table[name] = found


# What a call of four numbers is measured by: these check their arguments themselves.
_QUICK = """
    add sub mul div pow rsub where sum mean matmul mm cat stack linear relu gelu mse_loss
    tensor zeros ones empty full zeros_like ones_like empty_like
"""
_QUICK_METHODS = f"""
    {_QUICK} add_ sub_ mul_ div_ pow_ copy_ fill_ zero_ to cpu type_as bool byte int long float
    double detach detach_ clone contiguous view reshape flatten ravel permute transpose t adjoint
    squeeze unsqueeze expand narrow select split chunk unbind diagonal as_strided swapaxes swapdims
    movedim moveaxis new_zeros new_ones new_empty new_full
"""


# Functions whose in-place method writes their result over the tensor.
_IN_PLACE = """
    eq ne lt le gt ge logical_and logical_or logical_xor logical_not nan_to_num clamp_min clamp_max
    cumsum cumprod tril triu addmm baddbmm addmv addr addbmm index_copy masked_scatter
    frac deg2rad rad2deg sinc logit erfc xlogy heaviside float_power addcmul addcdiv lerp
"""

# Functions that are also methods with the tensor as first argument. A trailing underscore only
# keeps a Python built-in's name free.
_BOTH: dict[Any, str] = {
    reduce: "sum_ mean prod amax amin aminmax max_ min_ argmax argmin any_ all_ count_nonzero "
    "cumsum argsort sort topk",
    vector_norm: "norm dist logsumexp",
    statistics: "var std nansum nanmean kthvalue median cumprod",
    unique: "bincount unique unique_consecutive",
    matmul: "matmul mm bmm mv dot outer addmm baddbmm",
    views: "reshape flatten ravel unflatten permute transpose t adjoint movedim squeeze unsqueeze "
    "broadcast_to clone detach",
    parts: "narrow select split tensor_split chunk unbind diagonal as_strided",
    gather: "gather scatter scatter_add take_along_dim",
    rows: "take",
    brackets: "index_put",
    masks: "masked_select masked_scatter",
    nonzero: "nonzero argwhere",
    along: "index_select index_add index_fill index_copy",
    diagonals: "diag diag_embed diagflat",
    splits: "hsplit vsplit dsplit",
    repeat: "tile repeat_interleave",
    reorder: "flip roll rot90 fliplr flipud",
    unary_composed: "positive frac deg2rad rad2deg sinc logit erfc isposinf isneginf",
    binary_composed: "logaddexp logaddexp2 xlogy heaviside float_power",
    ternary_composed: "addcmul addcdiv lerp",
    select: "masked_fill clamp clamp_min clamp_max nan_to_num isclose allclose equal",
    activation: "softmax log_softmax",
    random: "bernoulli multinomial",
}
_FUNCTIONS: dict[Any, str] = {
    statistics: "var_mean std_mean",
    views: "broadcast_tensors",
    join: "cat stack hstack vstack",
    stacking: "atleast_1d atleast_2d atleast_3d dstack column_stack cartesian_prod",
    pad: "pad",
    random: "rand randn rand_like randn_like randint randperm normal manual_seed seed "
    "initial_seed get_rng_state set_rng_state",
    matmul: "linear",
    activation: "gelu silu relu6 hardtanh leaky_relu prelu elu selu celu softplus logsigmoid "
    "softsign tanhshrink hardsigmoid hardswish mish softshrink hardshrink threshold glu dropout "
    "softmin",
    normalization: "layer_norm rms_norm batch_norm group_norm",
    loss: "mse_loss l1_loss smooth_l1_loss huber_loss nll_loss cross_entropy binary_cross_entropy "
    "binary_cross_entropy_with_logits kl_div soft_margin_loss cosine_similarity embedding one_hot "
    "bilinear",
    conv: "conv2d",
    pool: "max_pool2d max_pool2d_with_indices avg_pool2d adaptive_avg_pool2d",
    optimizer_steps: "sgd_step_ adam_step_",
}
_METHODS: dict[Any, str] = {
    views: "view view_as reshape_as expand expand_as detach_ contiguous",
    parts: "unfold",
    reduce: "sum_to_size",
    convert: "to cpu cuda type_as copy_ fill_ zero_",
    gather: "scatter_ scatter_add_",
    brackets: "index_put_",
    along: "index_add_ index_fill_",
    repeat: "repeat",
    views_inplace: "t_ squeeze_ unsqueeze_ transpose_",
    select: "masked_fill_ clamp_",
    random: "uniform_ normal_ bernoulli_ random_",
}


def _transposed(self: Tensor) -> Tensor:
    """The tensor with its last two dims exchanged."""
    return views.adjoint(self)


def _data(self: Tensor) -> Tensor:
    """The memory without the graph; its versions are counted apart, so no write is noticed."""
    storage = adopt(self.key.place, self.storage_.buffer)
    return make(storage, self.key, self.shape, self._strides, self.offset)


def _set_data(self: Tensor, value: Tensor) -> None:
    """Replaces the memory, keeping the tensor's identity and graph.

    Raises:
        TypeError: not a tensor.
    """
    if not isinstance(value, Tensor):
        raise TypeError(f"data must be a Tensor, not {type(value).__name__}")
    replace_memory(self, value)


_PROPERTIES: dict[str, Any] = {
    "T": property(views.all_transposed, doc="All dims in reverse order."),
    "mT": property(_transposed, doc="The last two dims exchanged."),
    "mH": property(_transposed, doc="The last two dims exchanged (conjugated, if complex)."),
    "H": property(_transposed, doc="The last two dims exchanged (conjugated, if complex)."),
    "data": property(_data, _set_data, doc="The memory without the graph."),
}


_product = matmul.matmul  # the module's name is the function's, once the functions are exported


def _rmatmul(self: Tensor, other: Any) -> Any:
    return _product(other, self) if isinstance(other, Tensor) else NotImplemented


def _matmul(self: Tensor, other: Any) -> Any:
    return _product(self, other) if isinstance(other, Tensor) else NotImplemented


def _positive(self: Tensor) -> Tensor:
    if self.key.dtype.kind == "b":
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return self


_OPERATORS: dict[str, Any] = {
    **binary.operators,
    "__pow__": binary.pow_operator,
    "__rpow__": binary.rpow,
    "__ipow__": binary.ipow,
    "__neg__": unary.functions["neg"],
    "__pos__": _positive,
    "__abs__": unary.functions["abs"],
    "__invert__": unary.functions["bitwise_not"],
    "__matmul__": _matmul,
    "__rmatmul__": _rmatmul,
    "__getitem__": brackets.getitem,
    "__setitem__": brackets.setitem,
}

# Their names in Python 2, which old programs call.
_OPERATORS.update({f"__{kind}div__": _OPERATORS[f"__{kind}truediv__"] for kind in ("", "r", "i")})

_collect()
globals().update(functions)


def install() -> None:
    """Sets every method, operator and property on Tensor."""
    for name, method in methods.items():
        setattr(Tensor, name, method)


install()
extension.start(globals())


def __getattr__(name: str) -> Any:  # an op of a plugin, when none is loaded yet
    return extension.find(name)

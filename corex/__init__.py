"""corex: a tensor runtime whose backends are plugins.

The API follows PyTorch's names and behaviour. `corex.set_backend`, `use_backend` and `placement`
choose and report what runs where; `corex backends` on the command line lists what is installed.
"""

from __future__ import annotations

import builtins
import importlib
import os as _os
from math import e, inf, nan, pi
from typing import TYPE_CHECKING, Any

from corex import ops
from corex.autograd import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from corex.autograd.methods import install as _install_autograd
from corex.device import device
from corex.dispatch.devices import (
    find_place,
    forget_kernels,
    get_backend,
    place_of,
    set_backend,
    use_backend,
)
from corex.dispatch.fallback import is_strict, set_strict
from corex.dispatch.threads import (
    get_num_interop_threads,
    get_num_threads,
    set_num_interop_threads,
    set_num_threads,
)
from corex.dtypes import ALL as _DTYPES
from corex.dtypes import (
    DType,
    bfloat16,
    can_cast,
    complex32,
    complex64,
    complex128,
    finfo,
    float16,
    float32,
    float64,
    get_default_dtype,
    iinfo,
    int8,
    int16,
    int32,
    int64,
    promote_types,
    set_default_dtype,
    uint8,
    uint16,
    uint32,
    uint64,
)
from corex.dtypes import bool_ as bool
from corex.errors import (
    BackendUnavailableError,
    CompilationWarning,
    CorexError,
    FallbackWarning,
    GraphError,
    KernelUnavailableError,
    OutOfMemoryError,
    PluginError,
)
from corex.formats import (
    Layout,
    MemoryFormat,
    channels_last,
    channels_last_3d,
    contiguous_format,
    preserve_format,
    sparse_bsc,
    sparse_bsr,
    sparse_coo,
    sparse_csc,
    sparse_csr,
    strided,
)
from corex.interop.dlpack import install as _install_dlpack
from corex.interop.elements import install as _install_elements
from corex.interop.namespace import install as _install_namespace
from corex.interop.numpy import install as _install_numpy
from corex.interop.objects import install as _install_objects
from corex.interop.printing import get_printoptions, set_printoptions
from corex.interop.printing import install as _install_printing
from corex.interop.sparse import install as _install_sparse
from corex.layout import broadcast_shapes as _broadcast_shapes
from corex.neighbours import watch as _watch
from corex.observe.events import OpCall, observe
from corex.ops.promotion import result_type
from corex.ops.random.generator import Generator, default_generator
from corex.tensor.tensor import Size, Tensor

if TYPE_CHECKING:
    from corex import (
        _functions,
        accelerator,
        array_api,
        cuda,
        fft,
        linalg,
        nn,
        optim,
        sparse,
        utils,
    )  # fmt: skip
    from corex._functions import *  # noqa: F403
    from corex.accelerator.streams import Event, Stream
    from corex.backend import get_include
    from corex.interop.serialization import load, save
    from corex.interop.typed import *  # noqa: F403
    from corex.observe.placement import Report, placement
    from corex.observe.signatures import record

__version__ = "0.1.0"

_install_autograd(Tensor)
_install_dlpack(Tensor)
_install_elements(Tensor)
_install_namespace(Tensor)
_install_numpy(Tensor)
_install_objects(Tensor)
_install_printing(Tensor)
_install_sparse(Tensor)

ops.late.share(globals())

if _os.environ.get("COREX_DEBUG"):
    _placement = importlib.import_module("corex.observe.placement")
    if "placement" in _placement.debug_words():
        _placement.report_at_exit()

__all__: list[str] = [
    "Size", "Tensor", "is_floating_point", "is_tensor", "numel",
    "DType", "dtype", "bool", "uint8", "uint16", "uint32", "uint64",
    "int8", "int16", "short", "int", "int32", "int64", "long",
    "float16", "half", "bfloat16", "float", "float32", "float64", "double",
    "complex32", "chalf", "complex64", "cfloat", "complex128", "cdouble",
    "can_cast", "finfo", "get_default_dtype", "iinfo", "promote_types", "result_type",
    "set_default_dtype", "memory_format", "channels_last", "channels_last_3d", "contiguous_format",
    "legacy_contiguous_format", "preserve_format", "layout", "strided", "sparse_coo", "sparse_csr",
    "sparse_csc", "sparse_bsr", "sparse_bsc",
    "device", "find_place", "forget_kernels", "get_backend", "get_include", "is_strict", "place_of",
    "OpCall", "observe", "placement", "Report", "set_backend", "set_strict", "use_backend",
    "empty_cache", "memory_stats", "synchronize",
    "get_num_interop_threads", "get_num_threads", "set_num_interop_threads", "set_num_threads",
    "enable_grad", "inference_mode", "is_grad_enabled", "is_inference_mode_enabled", "no_grad",
    "set_grad_enabled",
    "Generator", "broadcast_shapes", "default_generator", "get_printoptions", "set_printoptions",
    "e", "inf", "nan", "newaxis", "pi",
    "BackendUnavailableError", "CompilationWarning", "CorexError", "FallbackWarning", "GraphError",
    "KernelUnavailableError", "OutOfMemoryError", "PluginError",
    "Event", "Stream", "accelerator", "array_api", "cuda", "fft", "linalg", "load", "nn", "optim",
    "record", "save", "sparse", "utils",
]  # fmt: skip
if TYPE_CHECKING:
    __all__ += _functions.__all__
else:
    __all__ += ops.functions.names()

dtype = DType
layout = Layout
memory_format = MemoryFormat
float = float32
double = float64
half = float16
chalf = complex32
cfloat = complex64
cdouble = complex128
short = int16
int = int32
long = int64
legacy_contiguous_format = contiguous_format
newaxis = None


def is_tensor(obj: Any) -> builtins.bool:
    """Whether `obj` is a Tensor."""
    return isinstance(obj, Tensor)


def is_floating_point(input: Tensor) -> builtins.bool:
    """Whether a tensor's dtype is a floating-point one."""
    return input.is_floating_point()


def numel(input: Tensor) -> builtins.int:
    """The number of elements of a tensor."""
    return input.numel()


def broadcast_shapes(*shapes: Any) -> Size:
    """The common shape of shapes.

    Raises:
        RuntimeError: they do not broadcast.
    """
    given = [(s,) if isinstance(s, builtins.int) else tuple(s) for s in shapes]
    return Size(_broadcast_shapes("broadcast_shapes", *given))


def memory_stats(device: Any = None, backend: str | None = None) -> dict[str, Any]:
    """The allocator's counters of a device: bytes in use, reserved, at the peak, allocations."""
    place = find_place(device, backend)
    return dict(place.backend.memory_stats(place.index))


def empty_cache(device: Any = None, backend: str | None = None) -> None:
    """Returns a device's cached, unused memory to the system."""
    place = find_place(device, backend)
    place.backend.empty_cache(place.index)


def synchronize(device: Any = None) -> None:
    """Waits until a device has finished its work."""
    place = find_place(device)
    place.waited(place.backend.synchronize, place.index)


_TYPED = [d.type_name for d in _DTYPES if d.kind in "bif" or d.itemsize == 1]
"""PyTorch's older constructors, of the dtypes that have one."""
__all__ += _TYPED

# Parts that most programs need, but not all, and that take time to import.
_LAZY = {
    "accelerator": "corex.accelerator",
    "array_api": "corex.array_api",
    "backends": "corex.backends",
    "cpu": "corex.cpu",
    "cuda": "corex.cuda",
    "fft": "corex.fft",
    "hub": "corex.hub",
    "jit": "corex.jit",
    "linalg": "corex.linalg",
    "masked": "corex.masked",
    "nn": "corex.nn",
    "optim": "corex.optim",
    "random": "corex.random",
    "signal": "corex.signal",
    "sparse": "corex.sparse",
    "special": "corex.special",
    "testing": "corex.testing",
    "utils": "corex.utils",
    "version": "corex.version",
}
_SECOND_NAMES = """
    _assert _assert_async _batch_norm_with_update _check _check_index _check_not_implemented
    _check_type _check_value _chunk_cat _dim_arange _is_all_true _is_any_true _log_softmax
    _log_softmax_backward_data _native_batch_norm_legit _native_batch_norm_legit_no_training
    _safe_softmax _shape_as_tensor _softmax _softmax_backward_data _stack _unsafe_index
    _unsafe_index_put _unsafe_masked_index _unsafe_masked_index_put_accumulate
    _upsample_bilinear2d_aa abs_ acos_ acosh_ adaptive_avg_pool1d adaptive_max_pool1d addmv_
    affine_grid_generator alpha_dropout alpha_dropout_ arccos_ arccosh_ arcsin_ arcsinh_ arctan_
    arctanh_ are_deterministic_algorithms_enabled asin_ asinh_ atan_ atanh_ avg_pool1d
    batch_norm_backward_elemt batch_norm_backward_reduce batch_norm_elemt batch_norm_gather_stats
    batch_norm_gather_stats_with_counts batch_norm_stats batch_norm_update_stats ceil_ celu_
    channel_shuffle clamp_ clamp_max_ clamp_min_ clip_ constant_pad_nd conv1d conv3d conv_tbc
    conv_transpose1d conv_transpose2d conv_transpose3d convolution cos_ cosh_ cosine_embedding_loss
    ctc_loss deg2rad_ detach_ dropout_ eig embedding_bag embedding_renorm_ erf_ erfc_ exp2_ exp_
    expm1_ feature_alpha_dropout feature_alpha_dropout_ feature_dropout feature_dropout_ fill_ fix_
    floor_ frac_ frobenius_norm from_file gcd_ get_default_device get_deterministic_debug_mode
    get_device get_device_module get_float32_matmul_precision grid_sampler grid_sampler_2d
    grid_sampler_3d gru gru_cell hinge_embedding_loss i0_ index_put_ instance_norm
    is_anomaly_check_nan_enabled is_anomaly_enabled is_autocast_cpu_enabled is_autocast_enabled
    is_autocast_ipu_enabled is_autocast_xla_enabled is_complex
    is_deterministic_algorithms_warn_only_enabled is_distributed is_inference is_nonzero
    is_same_size is_signed is_storage is_vulkan_available is_warn_always_enabled lcm_ ldexp_ lobpcg
    log10_ log1p_ log2_ log_ logit_ lstm lstm_cell lstsq margin_ranking_loss matrix_rank max_pool1d
    max_pool1d_with_indices max_pool3d nan_to_num_ native_batch_norm native_channel_shuffle
    native_dropout native_dropout_backward native_group_norm native_layer_norm native_norm neg_
    negative_ norm_except_dim nuclear_norm pairwise_distance pca_lowrank pdist pixel_shuffle
    pixel_unshuffle poisson_nll_loss rad2deg_ range reciprocal_ relu_ resize_as_ rnn_relu
    rnn_relu_cell rnn_tanh rnn_tanh_cell round_ rrelu rrelu_ rsqrt_ segment_reduce selu_
    set_anomaly_enabled set_default_device set_default_tensor_type set_deterministic_debug_mode
    set_float32_matmul_precision set_flush_denormal set_warn_always sigmoid_ sin_ sinc_ sinh_ solve
    sqrt_ square_ svd_lowrank sym_constrain_range sym_constrain_range_for_size sym_float sym_int
    sym_ite sym_max sym_min sym_not sym_sqrt sym_sum symeig tan_ tanh_ threshold_
    triplet_margin_loss trunc_ typename use_deterministic_algorithms vander xlogy_ zero_
""".split()
_SPARSE_NAMES = """
    ccol_indices_copy col_indices_copy crow_indices_copy dsmm hsmm hspmm indices_copy
    resize_as_sparse_ row_indices_copy saddmm smm sparse_bsc_tensor sparse_bsr_tensor
    sparse_compressed_tensor sparse_coo_tensor sparse_csc_tensor sparse_csr_tensor spmm sspaddmm
    values_copy
""".split()
_LAZY_NAMES = {
    **dict.fromkeys(_SPARSE_NAMES, "corex.sparse"),
    **dict.fromkeys(_TYPED, "corex.interop.typed"),
    "Event": "corex.accelerator.streams",
    "Stream": "corex.accelerator.streams",
    "save": "corex.interop.serialization",
    "load": "corex.interop.serialization",
    "get_include": "corex.backend",
    "placement": "corex.observe.placement",
    "record": "corex.observe.signatures",
    "Report": "corex.observe.placement",
    **dict.fromkeys(_SECOND_NAMES, "corex.toplevel"),
}


if not TYPE_CHECKING:  # else every name would seem to exist

    def __getattr__(name: str) -> Any:
        if name in _LAZY:
            return importlib.import_module(_LAZY[name])
        if name in _LAZY_NAMES:
            return getattr(importlib.import_module(_LAZY_NAMES[name]), name)
        if name in ops.functions:
            return ops.functions[name]
        raise AttributeError(f"module 'corex' has no attribute '{name}'")

    def __dir__() -> list[str]:
        late = {"Report", "get_include", "placement", *ops.functions.names()}
        return [*{*globals(), *late}]


_watch()

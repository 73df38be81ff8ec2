"""Optional kernels: each replaces a composition of required ones, to save time or memory."""

import math

import numpy as np
from numpy.lib.stride_tricks import as_strided

from corex_numpy.elements import sigmoid
from corex_numpy.kernels import array, bits, check, elementwise, kernel, reduction, wide


def double(view):
    """A copy in float64, to calculate in."""
    return array(view).astype(np.float64)


# ---- random numbers --------------------------------------------------------------------------
@kernel
def random_uniform(out, seed, offset):
    digits = out[1].digits
    leading = bits(math.prod(out[2]), seed, offset) >> (64 - digits)
    array(out)[...] = (leading * 2.0**-digits).reshape(out[2])


@kernel
def random_normal(out, seed, offset):
    pairs = (bits(2 * math.prod(out[2]), seed, offset) >> 11).reshape(*out[2], 2)
    u1, u2 = (pairs[..., 0] + 1) * 2.0**-53, pairs[..., 1] * 2.0**-53
    array(out)[...] = np.sqrt(-2 * np.log(u1)) * np.cos(2 * np.pi * u2)


# ---- functions -------------------------------------------------------------------------------
erfc = np.vectorize(math.erfc, otypes=[float])


# ---- activations -----------------------------------------------------------------------------
def normal(a):
    """The normal distribution function; erfc keeps its precision where 1 + erf loses it."""
    return 0.5 * erfc(a * -math.sqrt(0.5))


def bend(a):
    """The hyperbolic tangent that approximates `normal`, and the slope of its argument."""
    scale = math.sqrt(2 / math.pi)
    return np.tanh(scale * (a + 0.044715 * a**3)), scale * (1 + 3 * 0.044715 * a**2)


@kernel
def gelu(out, a, tanh):
    x = double(a)
    array(out)[...] = x * (0.5 * (1 + bend(x)[0]) if tanh else normal(x))


@kernel
def gelu_backward(out, g, a, tanh):
    x = double(a)
    if tanh:
        t, slope = bend(x)
        derivative = 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * slope
    else:
        derivative = normal(x) + x * np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
    array(out)[...] = array(g) * derivative


def silu_backward(g, a):
    s = sigmoid(a)
    return g * s * (1 + a * (1 - s))


# ---- along the last dimension ----------------------------------------------------------------
@kernel
def cumsum(out, a):
    x = array(a)
    array(out)[...] = np.cumsum(x, -1, dtype=wide(x))


def ordered(x, descending):
    """The stable order of the last dimension; NaN is larger than every number."""
    if descending:  # backwards twice, so that equal elements keep their order
        return x.shape[-1] - 1 - np.argsort(x[..., ::-1], kind="stable")[..., ::-1]
    return np.argsort(x, kind="stable")


@kernel
def argsort(out, a, descending):
    array(out)[...] = ordered(array(a), descending)


@kernel
def argselect(out, a, first, descending):
    x = array(a)
    chosen = slice(first, first + out[2][-1])
    array(out)[...] = ordered(x, descending)[..., chosen]


@kernel
def cumprod(out, a):
    x = array(a)
    array(out)[...] = np.cumprod(x, -1, dtype=wide(x))


@kernel
def prod_others(out, a):
    x = double(a)
    before, behind = np.ones((2, *x.shape))
    before[..., 1:] = np.cumprod(x[..., :-1], -1)
    behind[..., :-1] = np.cumprod(x[..., :0:-1], -1)[..., ::-1]
    array(out)[...] = before * behind


@kernel
def chain(out, a, b, reverse):
    step = -1 if reverse else 1
    found, factors = double(a)[..., ::step], array(b)[..., ::step]
    if reverse:  # each factor is that of the entry behind
        factors = np.roll(factors, 1, -1)
    for j in range(1, found.shape[-1]):
        found[..., j] += factors[..., j] * found[..., j - 1]
    array(out)[...] = found[..., ::step]


def best_so_far(accumulate):
    """A kernel that says where the last of the best entries so far is, and the last NaN."""

    @kernel
    def run(out, a):
        x = array(a)
        best = accumulate(x, -1) == x
        reached = np.where(best | (x != x), np.arange(x.shape[-1]), 0)
        array(out)[...] = np.maximum.accumulate(reached, -1)

    return run


@kernel
def logcumsumexp(out, a):
    array(out)[...] = np.logaddexp.accumulate(double(a), -1)


def along_last(a, index):
    """What to index `a` with, for `a[..., index[..., j]]` at every j."""
    check(index, 0, a.shape[-1], a.ndim - 1)
    return (*np.indices(index.shape, sparse=True)[:-1], index)


@kernel
def gather(out, a, index):
    array(out)[...] = array(a)[along_last(array(a), array(index))]


@kernel
def scatter_add(out, index, src):
    where = along_last(array(out), array(index))
    used = tuple(slice(size) for size in index[2])
    np.add.at(array(out), where, array(src)[used])


def shifted(view):
    """With the largest element of each row at 0, so that no power overflows."""
    a = double(view)
    return a - a.max(-1, keepdims=True, initial=-np.inf)


@kernel
def softmax(out, a):
    powers = np.exp(shifted(a))
    array(out)[...] = powers / powers.sum(-1, keepdims=True)


@kernel
def log_softmax(out, a):
    x = shifted(a)
    array(out)[...] = x - np.log(np.exp(x).sum(-1, keepdims=True))


@kernel
def softmax_backward(out, g, y):
    g, y = double(g), array(y)
    array(out)[...] = y * (g - (g * y).sum(-1, keepdims=True))


@kernel
def log_softmax_backward(out, g, y):
    g, y = double(g), double(y)
    array(out)[...] = g - np.exp(y) * g.sum(-1, keepdims=True)


@kernel
def layer_norm(out, mean, rstd, a, weight, bias, eps):
    x = double(a)
    middle = x.mean(-1, keepdims=True)
    scale = 1 / np.sqrt(x.var(-1, keepdims=True) + eps)
    normed = (x - middle) * scale
    if weight is not None:
        normed *= array(weight)
    if bias is not None:
        normed += array(bias)
    array(out)[...], array(mean)[...], array(rstd)[...] = normed, middle[:, 0], scale[:, 0]


@kernel
def layer_norm_backward(out, g, a, mean, rstd, weight):
    slope = double(g) if weight is None else double(g) * array(weight)
    scale = array(rstd)[:, None]
    normed = (double(a) - array(mean)[:, None]) * scale
    along = (slope * normed).mean(-1, keepdims=True)
    array(out)[...] = (slope - slope.mean(-1, keepdims=True) - normed * along) * scale


@kernel
def linear(out, a, weight, bias):
    result = array(a) @ array(weight).T
    array(out)[...] = result if bias is None else result + array(bias)


# ---- losses ----------------------------------------------------------------------------------
@kernel
def mse_loss(out, a, b):
    array(out)[...] = np.mean((double(a) - array(b)) ** 2)


@kernel
def mse_loss_backward(out, g, a, b):
    array(out)[...] = array(g) * 2 * (double(a) - array(b)) / math.prod(a[2])


# ---- windows over images (N, C, H, W) --------------------------------------------------------
def windows(x, places, kernel, stride, padding, dilation, fill=0):
    """The image in its padding, and a view of it, (N, C, *places, *kernel), that copies nothing."""
    rows, columns = ((p, p) for p in padding)
    image = np.pad(x, ((0, 0), (0, 0), rows, columns), constant_values=fill)
    n, c, h, w = image.strides
    steps = (h * stride[0], w * stride[1], h * dilation[0], w * dilation[1])
    return image, as_strided(image, (*x.shape[:2], *places, *kernel), (n, c, *steps))


def unfold(x, places, kernel, stride, padding, dilation, groups):
    """One row per window, with all that it sees: (groups, N * H' * W', C / groups * kh * kw)."""
    seen = windows(x, places, kernel, stride, padding, dilation)[1]
    n, c = x.shape[0], x.shape[1] // groups
    split = seen.reshape(n, groups, c, *places, *kernel).transpose(1, 0, 3, 4, 2, 5, 6)
    return split.reshape(groups, n * math.prod(places), c * math.prod(kernel))


def fold(shares, shape, stride, padding, dilation):
    """The other way: adds up what the windows, (N, C, *places, *kernel), give each element."""
    places, kernel = shares.shape[2:4], shares.shape[4:]
    image, seen = windows(np.zeros(shape), places, kernel, stride, padding, dilation)
    for i, j in np.ndindex(kernel):  # in the same corner of each, windows do not overlap
        seen[..., i, j] += shares[..., i, j]
    (top, left), (height, width) = padding, shape[2:]
    return image[:, :, top : top + height, left : left + width]


def per_group(view, groups):
    """(O, C / groups, kh, kw) as matrices (groups, O / groups, C / groups * kh * kw)."""
    o, *rest = view[2]
    return array(view).reshape(groups, o // groups, math.prod(rest))


def per_place(view, groups):
    """(N, O, H', W') as matrices (groups, O / groups, N * H' * W')."""
    n, o, *places = view[2]
    split = array(view).reshape(n, groups, o // groups, *places).transpose(1, 2, 0, 3, 4)
    return split.reshape(groups, o // groups, n * math.prod(places))


@kernel
def conv2d(out, x, weight, bias, stride, padding, dilation, groups):
    n, o, *places = out[2]
    rows = unfold(array(x), places, weight[2][2:], stride, padding, dilation, groups)
    product = per_group(weight, groups) @ rows.transpose(0, 2, 1)
    result = product.reshape(o, n, *places).transpose(1, 0, 2, 3)
    array(out)[...] = result if bias is None else result + array(bias)[:, None, None]


@kernel
def conv2d_backward_input(out, g, weight, stride, padding, dilation, groups):
    (n, c, _, _), places, kernel = out[2], g[2][2:], weight[2][2:]
    product = per_group(weight, groups).transpose(0, 2, 1) @ per_place(g, groups)
    shares = product.reshape(c, *kernel, n, *places).transpose(3, 0, 4, 5, 1, 2)
    array(out)[...] = fold(shares, out[2], stride, padding, dilation)


@kernel
def conv2d_backward_weight(out, g, x, stride, padding, dilation, groups):
    rows = unfold(array(x), g[2][2:], out[2][2:], stride, padding, dilation, groups)
    array(out)[...] = (per_place(g, groups) @ rows).reshape(out[2])


@kernel
def max_pool2d(out, indices, x, kernel, stride, padding, dilation):
    geometry = out[2][2:], kernel, stride, padding, dilation
    size, taps = x[2][2:], math.prod(kernel)
    own = np.arange(math.prod(size)).reshape(1, 1, *size)
    place = windows(own, *geometry, fill=-1)[1].reshape(1, 1, *out[2][2:], taps)
    value = windows(array(x), *geometry, fill=-np.inf)[1].reshape(*out[2], taps)
    place = np.broadcast_to(place, value.shape)
    best = value.argmax(-1, keepdims=True)  # the first of equals wins, but of NaNs the last
    last = taps - 1 - np.isnan(value)[..., ::-1].argmax(-1, keepdims=True)
    best = np.where(np.isnan(value).any(-1, keepdims=True), last, best)
    chosen = np.take_along_axis(place, best, -1)
    # Padding wins only where all is -inf; then it is the first element that is no padding.
    best = np.where(chosen < 0, (place >= 0).argmax(-1, keepdims=True), best)
    array(out)[...] = np.take_along_axis(value, best, -1)[..., 0]
    array(indices)[...] = np.take_along_axis(place, best, -1)[..., 0]


@kernel
def max_pool2d_backward(out, g, indices):
    n, c, h, w = out[2]
    result = np.zeros((n, c, h * w))
    place = array(indices).reshape(n, c, math.prod(g[2][2:]))
    np.add.at(result, along_last(result, place), array(g).reshape(place.shape))
    array(out)[...] = result.reshape(out[2])


def shares_of(size, places, kernel, stride, padding, count_padding):
    """One over the number of elements that each window has its mean of: (*places)."""
    if count_padding:
        return 1 / math.prod(kernel)
    seen = windows(np.ones((1, 1, *size)), places, kernel, stride, padding, (1, 1))[1]
    return 1 / seen.sum((-2, -1))


@kernel
def avg_pool2d(out, x, kernel, stride, padding, count_padding):
    geometry = out[2][2:], kernel, stride, padding
    total = windows(double(x), *geometry, (1, 1))[1].sum((-2, -1))
    array(out)[...] = total * shares_of(x[2][2:], *geometry, count_padding)


@kernel
def avg_pool2d_backward(out, g, kernel, stride, padding, count_padding):
    share = shares_of(out[2][2:], g[2][2:], kernel, stride, padding, count_padding)
    each = (double(g) * share)[..., None, None]
    shares = np.broadcast_to(each, (*g[2], *kernel))
    array(out)[...] = fold(shares, out[2], stride, padding, (1, 1))


# ---- optimizers: lists of views, updated in place --------------------------------------------
@kernel
def sgd_step(
    params, grads, momenta, lr, momentum, dampening, weight_decay, nesterov, maximize, first
):
    for i, (param, grad) in enumerate(zip(params, grads, strict=True)):
        p, step = array(param), -array(grad) if maximize else array(grad)
        if weight_decay:
            step = step + weight_decay * p
        if momentum:
            m = array(momenta[i])
            m[...] = step if first else momentum * m + (1 - dampening) * step
            step = step + momentum * m if nesterov else m
        p -= lr * step


@kernel
def adam_step(
    params, grads, firsts, seconds, step, lr, beta1, beta2, eps, weight_decay, decoupled, maximize
):
    for views in zip(params, grads, firsts, seconds, strict=True):
        p, g, m, v = map(array, views)
        g = -g if maximize else g
        if decoupled:
            p *= 1 - lr * weight_decay
        elif weight_decay:
            g = g + weight_decay * p
        m[...] = beta1 * m + (1 - beta1) * g
        v[...] = beta2 * v + (1 - beta2) * g * g
        p -= lr / (1 - beta1**step) * m / (np.sqrt(v) / math.sqrt(1 - beta2**step) + eps)


KERNELS = {
    "random_uniform": random_uniform, "random_normal": random_normal,
    "sigmoid_backward": elementwise(lambda g, y: g * y * (1 - y)),
    "tanh_backward": elementwise(lambda g, y: g * (1 - y * y)),
    "relu_backward": elementwise(lambda g, y: np.where(y <= 0, 0, g)),
    "gelu": gelu, "gelu_backward": gelu_backward,
    "silu": elementwise(lambda a: a * sigmoid(a)), "silu_backward": elementwise(silu_backward),
    "mean": reduction(lambda rows: rows.sum(-1, dtype=np.float64) / rows.shape[-1]),
    "erfc": elementwise(erfc),
    "cumsum": cumsum, "cumprod": cumprod, "prod_others": prod_others, "chain": chain,
    "argcummax": best_so_far(np.maximum.accumulate),
    "argcummin": best_so_far(np.minimum.accumulate), "logcumsumexp": logcumsumexp,
    "argsort": argsort, "argselect": argselect, "gather": gather, "scatter_add": scatter_add,
    "softmax": softmax, "softmax_backward": softmax_backward,
    "log_softmax": log_softmax, "log_softmax_backward": log_softmax_backward,
    "layer_norm": layer_norm, "layer_norm_backward": layer_norm_backward, "linear": linear,
    "mse_loss": mse_loss, "mse_loss_backward": mse_loss_backward, "conv2d": conv2d,
    "conv2d_backward_input": conv2d_backward_input,
    "conv2d_backward_weight": conv2d_backward_weight, "max_pool2d": max_pool2d,
    "max_pool2d_backward": max_pool2d_backward, "avg_pool2d": avg_pool2d,
    "avg_pool2d_backward": avg_pool2d_backward, "sgd_step": sgd_step, "adam_step": adam_step,
}  # fmt: skip

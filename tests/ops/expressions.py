"""One line for every public function that is not elementwise: corex and NumPy, side by side.

A line is `corex code | NumPy code`; names of inputs are in `inputs.py`. An empty right side repeats
the left one: NumPy has the same function. `^` in front: no gradient check, the result is not smooth
(or not floating-point) there.
"""

from __future__ import annotations

TABLE = """
# ---- matrix products
matmul(a, d) |
matmul(a, v) |
matmul(v, d) |
matmul(v, w) |
matmul(t, r) | np.matmul(t, r)
mm(a, d) | a @ d
bmm(t, r) | t @ r
mv(a, v) | a @ v
dot(v, w) | v @ w
vdot(v, w) | v @ w
outer(v, w) |
ger(v, w) | np.outer(v, w)
inner(a, b) |
addmm(v[:1], a, q, beta=2, alpha=0.5) | 2 * v[:1] + 0.5 * (a @ q)
addmv(c[:, 0], a, v, beta=2, alpha=3) | 2 * c[:, 0] + 3 * (a @ v)
addr(a, c[:, 0], v, beta=0.5) | 0.5 * a + np.outer(c[:, 0], v)
baddbmm(s, t, r, beta=2, alpha=0.5) | 2 * s + 0.5 * (t @ r)
addbmm(s, t, r) | s + (t @ r).sum(0)
linear(a, q, v) | a @ q.T + v
linear(a, q) | a @ q.T
linear(r, q, v) | r @ q.T + v
linear(v, q) | q @ v
bilinear(a, b, stack([q, q.t()]), v[:2]) | np.stack([((a @ q) * b).sum(1), ((a @ q.T) * b).sum(1)], 1) + v[:2]
einsum("ij,jk->ki", a, d) |
einsum("bij,bjk->bik", t, r) |
einsum("ii->i", q) |
einsum("ij,j->", a, v) |
einsum("...ij,jk->...ik", r, d) |
tensordot(a, d, 1) |
tensordot(t, r, ([0, 2], [0, 1])) | np.tensordot(t, r, ([0, 2], [0, 1]))
kron(a, c) |
cross(q, q.t(), 1) | np.cross(q, q.T)
trace(q) |
matrix_power(q, 3) | q @ q @ q

# ---- shapes and views
reshape(t, (3, 4)) |
reshape(t.transpose(0, 2), (3, 4)) | np.swapaxes(t, 0, 2).reshape(3, 4)
flatten(t, 1) | t.reshape(2, 6)
ravel(t) |
unflatten(t, 1, (3, 1)) | t.reshape(2, 3, 1, 2)
permute(t, (2, 0, 1)) | t.transpose(2, 0, 1)
transpose(t, 0, 2) | np.swapaxes(t, 0, 2)
swapaxes(t, 0, 1) |
swapdims(t, 0, 1) | np.swapaxes(t, 0, 1)
t_(a) | a.T
adjoint(t) | np.swapaxes(t, 1, 2)
movedim(t, 0, 2) | np.moveaxis(t, 0, 2)
moveaxis(t, 0, 2) |
squeeze(c, 1) | c[:, 0]
unsqueeze(a, 1) | a[:, None]
broadcast_to(c, (2, 3)) |
broadcast_tensors(c, v)[1] | np.broadcast_to(v, (2, 3))
narrow(a, 1, 1, 2) | a[:, 1:]
select(a, 1, 2) | a[:, 2]
split(a, 2, 1)[1] | a[:, 2:]
split(a, [1, 2], 1)[1] | a[:, 1:]
tensor_split(a, 2, 1)[1] | a[:, 2:]
chunk(a, 2, 1)[0] | a[:, :2]
unbind(a, 1)[1] | a[:, 1]
hsplit(a, 3)[1] | a[:, 1:2]
vsplit(a, 2)[1] | a[1:]
dsplit(t, 2)[0] | t[:, :, :1]
diagonal(t, 1, 0, 1) | np.diagonal(t, 1, 0, 1)
as_strided(q.contiguous(), (2, 2), (1, 3), 1) | np.array([[q[0, 1], q[1, 1]], [q[0, 2], q[1, 2]]])
diag(v) |
diag(q) |
diag(v, -1) |
diag_embed(a) | np.stack([np.diag(row) for row in a])
diagflat(a, 1) |
tril(q, -1) |
triu(q, 1) |
atleast_1d(s) |
atleast_2d(v) |
atleast_3d(v) |
meshgrid(v, w, indexing="ij")[1] |
cartesian_prod(v, w) | np.stack([np.repeat(v, 3), np.tile(w, 3)], 1)
clone(a) | a * 1
^detach(a) | a

# ---- views as copies, views replaced
alias_copy(a) | a
as_strided_copy(q.contiguous(), (2, 2), (1, 3), 1) | np.array([[q[0, 1], q[1, 1]], [q[0, 2], q[1, 2]]])
detach_copy(a) | a
diagonal_copy(t, 1, 0, 1) | np.diagonal(t, 1, 0, 1)
expand_copy(c, (2, 3)) | np.broadcast_to(c, (2, 3))
permute_copy(t, (2, 0, 1)) | t.transpose(2, 0, 1)
select_copy(a, 1, 2) | a[:, 2]
slice_copy(a, 1, 0, None, 2) | a[:, ::2]
split_copy(a, 2, 1)[1] | a[:, 2:]
split_with_sizes_copy(a, [1, 2], 1)[1] | a[:, 1:]
squeeze_copy(c, 1) | c[:, 0]
t_copy(a) | a.T
transpose_copy(t, 0, 2) | np.swapaxes(t, 0, 2)
unbind_copy(a, 1)[1] | a[:, 1]
unfold_copy(a, 1, 2, 1) | np.stack([a[:, :2], a[:, 1:]], 1)
unsqueeze_copy(a, 1) | a[:, None]
view_copy(a.contiguous(), (3, 2)) | a.reshape(3, 2)
narrow_copy(a, 1, 1, 2) | a[:, 1:]
split_with_sizes(a, [1, 2], 1)[1] | a[:, 1:]
unsafe_split(a, 2, 1)[1] | a[:, 2:]
unsafe_split_with_sizes(a, [1, 2], 1)[1] | a[:, 1:]
unsafe_chunk(a, 2, 1)[0] | a[:, :2]
select_scatter(a, v, 0, 1) | np.stack([a[0], v])
slice_scatter(a, c, 1, 1, 2) | np.concatenate([a[:, :1], c, a[:, 2:]], 1)
diagonal_scatter(q, v) | q - np.diag(np.diag(q)) + np.diag(v)
as_strided_scatter(a.contiguous(), v, (3,), (1,), 3) | np.stack([a[0], v])
block_diag(a, v) | np.block([[a, np.zeros((2, 3))], [np.zeros((1, 3)), v]])
combinations(v) | np.array([[v[0], v[1]], [v[0], v[2]], [v[1], v[2]]])
fill(a, 2.0) | a * 0 + 2.0

# ---- joining, repeating, reordering
cat([a, b, c], 1) | np.concatenate([a, b, c], 1)
concat([a, b]) | np.concatenate([a, b])
concatenate([a, b], 1) |
stack([a, b], 1) |
hstack([a, c]) |
vstack([a, v]) |
row_stack([a, v]) | np.vstack([a, v])
dstack([a, b]) |
column_stack([v, w]) |
tile(a, (2, 1)) |
repeat_interleave(a, 2, 1) | np.repeat(a, 2, 1)
repeat_interleave(a, K, 1) | np.repeat(a, K, 1)
flip(a, [0, 1]) | np.flip(a)
fliplr(a) |
flipud(a) |
roll(a, (1, 2), (0, 1)) |
rot90(a) |
rot90(a, -1) |
pad(a, (1, 2, 0, 1), value=3.0) | np.pad(a, ((0, 1), (1, 2)), constant_values=3.0)
pad(a, (1, 1), mode="reflect") | np.pad(a, ((0, 0), (1, 1)), mode="reflect")
pad(a, (2, 1), mode="replicate") | np.pad(a, ((0, 0), (2, 1)), mode="edge")
pad(a, (2, 1), mode="circular") | np.pad(a, ((0, 0), (2, 1)), mode="wrap")

# ---- choosing
where(M, a, b) |
where(M, a, 2.0) |
where(M, c, v) |
masked_fill(a, M, 5.0) | np.where(M, 5.0, a)
masked_select(a, M) | a[M]
masked_scatter(a, M, b) | np.array(masked(a, M, b))
clamp(a, -0.5, 1.0) | np.clip(a, -0.5, 1.0)
clamp(a, b, b + 1) | np.clip(a, b, b + 1)
clip(a, -1, 1) |
clamp_min(a, 0.1) | np.maximum(a, 0.1)
clamp_max(a, v) | np.minimum(a, v)
nan_to_num(a / 1.0, 1.0) | a
^isclose(a, b, atol=1.0) |
^equal(a, a) | True
^allclose(a, a + 1e-9) |
^isposinf(a / 0) | np.isposinf(np.divide(a, 0 * a + 0.0))
^isneginf(a / 0) | np.isneginf(np.divide(a, 0 * a + 0.0))

# ---- by index
index_select(a, 1, Y) | a[:, Y]
take(a, Y) |
take_along_dim(a, TO, 1) | np.take_along_axis(a, TO, 1)
gather(a, 1, TO) | np.take_along_axis(a, TO, 1)
gather(a, 0, AT) | np.take_along_axis(a, AT, 0)
scatter(a, 1, Y[None].expand(2, 2), b[:, :2]) | put(a, (slice(None), Y), b[:, :2])
scatter(a, 1, Y[None].expand(2, 2), 2.0) | put(a, (slice(None), Y), 2.0)
scatter_add(a, 1, TO, b[:, :2]) | added(a, (np.array([[0, 0], [1, 1]]), TO), b[:, :2])
index_add(a, 1, Y, b[:, :2], alpha=2) | added(a, (slice(None), Y), 2 * b[:, :2])
index_fill(a, 1, Y, 3.0) | put(a, (slice(None), Y), 3.0)
index_copy(a, 1, Y, b[:, :2]) | put(a, (slice(None), Y), b[:, :2])
index_put(a, (Y % 2, Y), w[:2]) | put(a, (Y % 2, Y), w[:2])
index_put(a, (Y * 0, Y * 0), w[:2], accumulate=True) | added(a, (Y * 0, Y * 0), w[:2])
^nonzero(M) | np.argwhere(M)
^argwhere(M) |
^bincount(K) |
^unique(I) |
^unique_consecutive(K) | K
^one_hot(K, 4) | np.eye(4, dtype=int)[K]
embedding(q, Y) | q[Y]

# ---- statistics
^isreal(a) |
var(a, 1) | np.var(a, 1, ddof=1)
var(a, correction=0) | np.var(a)
std(a, 0) | np.std(a, 0, ddof=1)
var_mean(t, (0, 2))[0] | np.var(t, (0, 2), ddof=1)
std_mean(t, 1)[1] | t.mean(1)
norm(a) | np.sqrt((a * a).sum())
norm(a, 3, 1) | (np.abs(a) ** 3).sum(1) ** (1 / 3)
norm(a, inf, 0) | np.abs(a).max(0)
dist(a, b) | np.sqrt(((a - b) ** 2).sum())
logsumexp(a, 1) | np.log(np.exp(a).sum(1))
nansum(a, 1) |
nanmean(a, 0) |
median(v) |
median(r.reshape(4, 3), 1).values | np.median(r.reshape(4, 3), 1)
kthvalue(a, 2, 1).values | np.sort(a, 1)[:, 1]
max(a) |
max(a, 1).values | a.max(1)
max(a, b) | np.maximum(a, b)
min(a, 0).values | a.min(0)
aminmax(a, dim=1).max | a.max(1)
^count_nonzero(TIES, 0) |
sort(a, 1).values | np.sort(a, 1)
topk(a, 2, 1).values | -np.sort(-a, 1)[:, :2]

# ---- searching, counting, running values
^searchsorted(sort(v).values, a) | np.searchsorted(np.sort(v), a)
^searchsorted(sort(a).values, b, right=True) | np.stack([np.searchsorted(np.sort(a)[i], b[i], "right") for i in (0, 1)])
^searchsorted(v, a, sorter=argsort(v)) | np.searchsorted(np.sort(v), a)
^bucketize(a, sort(v).values) | np.searchsorted(np.sort(v), a)
^isin(I, J) |
^gcd(I, J) |
^lcm(I, J) |
ldexp(a, b) | a * 2.0 ** b
^sgn(a) | np.sign(a)
^unravel_index(K, (2, 3))[1] | np.unravel_index(K, (2, 3))[1]
^histc(a, 4, -1, 1) | np.histogram(a, 4, (-1, 1))[0] * 1.0
^histogram(a, 4, density=True)[0] | np.histogram(a, 4, density=True)[0]
^mode(TIES, 1).values | np.array([3.0, -1.0])
msort(a) | np.sort(a, 0)
nanmedian(v) | np.median(v)
quantile(a, 0.3, 1) |
nanquantile(a, 0.3, 1) | np.quantile(a, 0.3, 1)
cummax(a, 1).values | np.maximum.accumulate(a, 1)
cummin(a, 0).values | np.minimum.accumulate(a, 0)
logcumsumexp(a, 1) | np.log(np.cumsum(np.exp(a), 1))
diff(a, 2, 1) | np.diff(a, 2, 1)
trapezoid(a, dx=2.0) | 2 * ((a[:, 1:] + a[:, :-1]) / 2).sum(1)
trapz(a, v) | ((a[:, 1:] + a[:, :-1]) / 2 * np.diff(v)).sum(1)
cumulative_trapezoid(a, v) | np.cumsum((a[:, 1:] + a[:, :-1]) / 2 * np.diff(v), 1)
gradient(v)[0] | np.gradient(v)
gradient(v, spacing=[w], edge_order=2)[0] | np.gradient(v, w, edge_order=2)
cov(a) | np.cov(a)
corrcoef(q) | np.corrcoef(q)
cdist(a, b, 3.0) | (np.abs(a[:, None] - b[None]) ** 3).sum(-1) ** (1 / 3)
renorm(a, 2.0, 0, 0.5) | a * (0.5 / (np.sqrt((a * a).sum(1, keepdims=True)) + 1e-7))
scatter_reduce(a, 1, TO, b[:, :2], "sum") | added(a, (np.array([[0, 0], [1, 1]]), TO), b[:, :2])
index_reduce(a, 1, Y, b[:, :2], "prod") | put(a, (slice(None), Y), a[:, Y] * b[:, :2])
put(a, Y, w[:2]) | put(a, (Y * 0, Y), w[:2])

# ---- elementwise compositions
addcmul(a, b, v, value=2) | a + 2 * b * v
addcdiv(a, b, pos, value=2) | a + 2 * b / pos
lerp(a, b, 0.3) | a + 0.3 * (b - a)
lerp(a, b, prob) | a + prob * (b - a)
frac(a) | a - np.trunc(a)
sinc(a) |
deg2rad(a) |
rad2deg(a) |
erfc(a) |
erfc(big + 1) |
logit(prob) | np.log(prob / (1 - prob))
xlogy(a, pos) | a * np.log(pos)
logaddexp(a, b) |
logaddexp2(a, b) |
^heaviside(A, A * 0) | np.heaviside(A, 0)
float_power(pos, a) |
positive(a) |
rsub(a, b) | b - a

# ---- activations
relu6(a * 4) | np.clip(a * 4, 0, 6)
hardtanh(a) | np.clip(a, -1, 1)
leaky_relu(a, 0.1) | np.where(a > 0, a, 0.1 * a)
prelu(a, v) | np.where(a > 0, a, v * a)
elu(a, 1.5) | np.where(a > 0, a, 1.5 * np.expm1(a))
selu(a) | 1.0507009873554805 * np.where(a > 0, a, 1.6732632423543772 * np.expm1(a))
celu(a, 1.5) | np.where(a > 0, a, 1.5 * np.expm1(a / 1.5))
gelu(a) | a * 0.5 * (1 + erf(a / np.sqrt(2)))
gelu(a, approximate="tanh") | a * 0.5 * (1 + np.tanh(np.sqrt(2 / np.pi) * (a + 0.044715 * a**3)))
silu(a) | a * sigmoid(a)
softplus(a) |
softplus(a, 2.0, 1.0) | np.where(2 * a > 1.0, a, softplus(2 * a) / 2)
logsigmoid(a) | np.log(sigmoid(a))
softsign(a) | a / (1 + np.abs(a))
tanhshrink(a) | a - np.tanh(a)
hardsigmoid(a) | np.clip(a + 3, 0, 6) / 6
hardswish(a) | a * np.clip(a + 3, 0, 6) / 6
mish(a) | a * np.tanh(softplus(a))
softshrink(a, 0.4) | np.where(a > 0.4, a - 0.4, np.where(a < -0.4, a + 0.4, 0))
hardshrink(a, 0.4) | np.where(np.abs(a) > 0.4, a, 0)
threshold(a, 0.2, 7.0) | np.where(a > 0.2, a, 7.0)
glu(d) | d[:, :2] * sigmoid(d[:, 2:])
softmax(a, 1) |
softmax(a, 0) | softmax(a, 0)
log_softmax(a, 1) | np.log(softmax(a, 1))
softmin(a, 1) | softmax(-a, 1)
dropout(a, 0.5, False) | a

# ---- norms
layer_norm(a, (3,), v, w, 0.1) | normal(a, 1, 0.1) * v + w
layer_norm(t, (3, 2)) | normal(t, (1, 2), 1e-5)
rms_norm(a, (3,), v, 0.1) | a / np.sqrt((a * a).mean(1, keepdims=True) + 0.1) * v
batch_norm(a, v, w, None, None, True, 0.1, 0.1) | normal(a, 0, 0.1) * v + w
batch_norm(x, None, None, None, None, True, 0.1, 1e-5) | normal(x, (0, 2, 3), 1e-5)
group_norm(x, 2) | normal(x, (2, 3), 1e-5)

# ---- losses
mse_loss(a, b) | ((a - b) ** 2).mean()
mse_loss(a, b, "none") | (a - b) ** 2
l1_loss(a, b, "sum") | np.abs(a - b).sum()
smooth_l1_loss(a, b, beta=0.5) | huber(a - b, 0.5).mean() / 0.5
huber_loss(a, b, delta=0.5) | huber(a - b, 0.5).mean()
nll_loss(a, Y) | -(a[0, 2] + a[1, 0]) / 2
cross_entropy(a, Y) | -(np.log(softmax(a))[0, 2] + np.log(softmax(a))[1, 0]) / 2
cross_entropy(a, prob, label_smoothing=0.2) | -((0.8 * prob + 0.2 / 3) * np.log(softmax(a))).sum() / 2
binary_cross_entropy(prob, M * 1.0) | -np.where(M, np.log(prob), np.log(1 - prob)).mean()
binary_cross_entropy_with_logits(a, prob, reduction=1) | (softplus(a) - prob * a).mean()
kl_div(a, prob, 2) | (prob * (np.log(prob) - a)).sum()
soft_margin_loss(a, TIES.sign(), "sum") | softplus(-np.sign(TIES) * a).sum()
cosine_similarity(a, b) | (a * b).sum(1) / np.sqrt((a * a).sum(1) * (b * b).sum(1))


# ---- images
conv2d(x, f, v[:2], padding=1) | correlate(np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1))), f) + v[:2, None, None]
conv2d(x, f, stride=(2, 1)) | correlate(x, f)[:, :, ::2]
max_pool2d(x, 2) | x[:, :, :, :4].reshape(1, 2, 2, 2, 2, 2).max((3, 5))
max_pool2d_with_indices(x, 2)[0] | x[:, :, :, :4].reshape(1, 2, 2, 2, 2, 2).max((3, 5))
avg_pool2d(x, 2) | x[:, :, :, :4].reshape(1, 2, 2, 2, 2, 2).mean((3, 5))
adaptive_avg_pool2d(x, (2, 1)) | x.reshape(1, 2, 2, 2, 5).mean((3, 4))[..., None]
"""  # noqa: E501


def lines() -> list[tuple[str, str, bool]]:
    """(corex code, NumPy code, whether to check gradients) for each line."""
    found = []
    for line in TABLE.strip().splitlines():
        if not line or line.startswith("#"):
            continue
        left, right = line.rsplit(" |", 1) if line.endswith(" |") else line.split(" | ", 1)
        left, smooth = left.removeprefix("^"), not left.startswith("^")
        found.append((left.strip(), right.strip() or left.strip(), smooth))
    return found

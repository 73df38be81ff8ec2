"""Which calls are made at the special points. Every op with a derivative is in some line.

Elementwise ops come from the registry by themselves: `op(a)` of one input, `op(p, q)` of two. The
other functions have lines here, code that means the same to corex and to PyTorch.
"""

from __future__ import annotations

import re

from corex import ops
from corex.tensor.schema import REGISTRY

ELEMENTWISE = """
    positive(a) frac(a) deg2rad(a) rad2deg(a) sinc(a) logit(a) logit(a,eps=1e-6) logit(a,0.0)
    erfc(a) logit(prob) nan_to_num(a) nan_to_num(a,nan=2.0,posinf=1.0) round(a,decimals=2)
    round(a,decimals=-1) logaddexp(p,q) logaddexp2(p,q) xlogy(p,q) xlogy(p,0.0) xlogy(0.0,p)
    xlogy(a,2.5) xlogy(2.5,a) float_power(p,q) float_power(a,3) float_power(2.0,a)
    heaviside(A,P[:46]) pow(a,0) pow(a,0.0) pow(a,1) pow(a,1.0) pow(a,2) pow(a,3) pow(a,-1)
    pow(a,-2) pow(a,0.5) pow(a,-0.5) pow(a,0.25) pow(a,2.5) pow(a,inf) pow(a,-inf) pow(a,nan)
    pow(0.0,a) pow(1.0,a) pow(-1.0,a) pow(2.0,a) pow(0.5,a) pow(-2.0,a) a**2 a**0.5 2**a
    add(a,p[:46],alpha=0.5) sub(a,p[:46],alpha=2) rsub(p,q) rsub(a,1) add(a,inf) sub(a,inf)
    mul(a,0) mul(a,inf) div(a,0) div(a,inf) div(a,3) div(0.0,a) div(1.0,a) lib.ones(1)/a
    div(p,q,rounding_mode='trunc') div(p,q,rounding_mode='floor') div(a,2,rounding_mode='trunc')
    div(a,0,rounding_mode='trunc') div(a,0,rounding_mode='floor') div(a,inf,rounding_mode='trunc')
    div(a,-inf,rounding_mode='floor') remainder(a,1.5) remainder(a,inf) remainder(a,-inf)
    remainder(a,0.0) fmod(a,1.5) fmod(a,inf) fmod(a,0.0) remainder(2.5,a) clamp(a,-1,1)
    clamp(a,min=0.5) clamp(a,max=0.5) clamp(a,0.0,0.0) clamp(a,2,-2) clamp(a,nan,1.0)
    clamp(a,min=nan) clamp(p,q) clamp(p,max=q) clamp(p,q,q) clamp(p,q,1-q) clamp_min(a,1)
    clamp_max(a,1) clip(a,-3,3) clamp(a,-inf,inf) clamp_min(p,q) clamp_max(p,q) max(p,q) min(p,q)
    lerp(p,q,0.25) lerp(p,q,0.75) lerp(p,q,0.5) lerp(p,q,0.0) lerp(p,q,1.0) lerp(p,q,p)
    lerp(p,q,q) addcmul(p,q,q) addcmul(p,p,q,value=0) addcmul(p,q,p,value=2) addcdiv(p,p,q)
    addcdiv(p,q,p,value=0) addcdiv(p,P,q,value=-0.5) where(a>0,a,a.exp()) where(a>0,a.sqrt(),0.0)
    where(a>0,a.log(),a) where(p>q,p,q) where(P>0,p,q) where(a!=0,1/a,a) a.masked_fill(A>0,0.0)*a
    a.masked_fill(A!=A,inf) a.abs().sqrt() (a*a).sqrt() a.relu().log() a.sign()*a a.clone()
    a.detach()*a copysign(a,-1.0) copysign(a,0.0) copysign(a,P[:46]) hypot(a,a) atan2(a,a)
    fmax(a,a) maximum(a,a) minimum(a,a) a-a a/a a*a sgn(a) ldexp(a,A[:46]*0+2)
    frexp(a)[0] frexp(a)[1] nextafter(p,q) nextafter(a,A[:46]+1)
    lgamma(a) digamma(a) polygamma(1,a) polygamma(2,prob) mvlgamma(prob+1,2) erfinv(a)
    erfinv(prob) i0(a) igamma(A[:46],a) igammac(A[:46],a) igamma(P,q) igammac(P,q)
"""

ACTIVATIONS = """
    F.relu(a) F.relu6(a) F.hardtanh(a) F.hardtanh(a,-0.5,3.0) F.leaky_relu(a) F.leaky_relu(a,0.0)
    F.leaky_relu(a,2.0) F.leaky_relu(a,-1.5) F.prelu(r,slope) F.prelu(r,weight) F.elu(a)
    F.elu(a,0.5) F.elu(a,-1.0) F.elu(a,0.0) F.celu(a) F.celu(a,0.5) F.celu(a,20.0) F.selu(a)
    F.softplus(a) F.softplus(a,2.0,3.0) F.softplus(a,0.5) F.logsigmoid(a) F.softsign(a)
    F.tanhshrink(a) F.hardsigmoid(a) F.hardswish(a) F.mish(a) F.silu(a) F.gelu(a)
    F.gelu(a,approximate='tanh') F.softshrink(a) F.softshrink(a,0.0) F.softshrink(a,2.5)
    F.hardshrink(a) F.hardshrink(a,0.0) F.hardshrink(a,2.5) F.threshold(a,0.5,20.0)
    F.threshold(a,0.0,0.0) F.threshold(a,-1.0,inf) F.threshold(a,nan,1.0) F.sigmoid(a) F.tanh(a)
    F.glu(e) F.glu(e[:6],0) F.elu(a.clone(),inplace=True) F.selu(a.clone(),inplace=True)
    F.celu(a.clone(),inplace=True) F.leaky_relu(a.clone(),inplace=True)
    F.hardtanh(a.clone(),inplace=True) F.threshold(a.clone(),0.5,20.0,inplace=True)
    F.relu(a.clone(),inplace=True) F.relu_(a.clone()) F.silu(a.clone(),inplace=True)
    F.mish(a.clone(),inplace=True) F.hardswish(a.clone(),inplace=True)
    F.hardsigmoid(a.clone(),inplace=True) F.relu6(a.clone(),inplace=True) F.hardtanh_(a.clone())
    F.leaky_relu_(a.clone())
    F.threshold_(a.clone(),0.5,20.0) F.rrelu(a,0.2,0.2) F.rrelu_(a.clone(),0.2,0.2) F.softmax(r,1)
    F.softmax(r,0) F.log_softmax(r,1) F.log_softmax(r,0) F.softmin(r,1) softmax(r,1)
    log_softmax(r,1) F.dropout(a,0.5,False) F.dropout(a,0.0) F.dropout(a,1.0)
"""

LOSSES = """
    F.binary_cross_entropy(prob,target,**none) F.binary_cross_entropy(prob,TARGET)
    F.binary_cross_entropy(prob,TARGET,weight=PROB,reduction='sum')
    F.binary_cross_entropy_with_logits(logits,labels,**none)
    F.binary_cross_entropy_with_logits(logits,LABELS,**none,pos_weight=SCALE)
    F.binary_cross_entropy_with_logits(logits,LABELS,reduction='mean') F.mse_loss(p,q,**none)
    F.mse_loss(p,q) F.mse_loss(p[:8],q[:8]) F.mse_loss(p,q,reduction='sum') F.l1_loss(p,q,**none)
    F.l1_loss(p,q) F.l1_loss(p,p,**none) F.smooth_l1_loss(p,q,**none)
    F.smooth_l1_loss(p,q,**none,beta=0.0) F.smooth_l1_loss(p,q,**none,beta=0.5)
    F.smooth_l1_loss(p,q) F.smooth_l1_loss(p,q,**none,beta=3.5) F.huber_loss(p,q,**none)
    F.huber_loss(p,q,**none,delta=0.5) F.huber_loss(p,q) F.huber_loss(p,q,**none,delta=3.5)
    F.huber_loss(p[:12],q[:12]) F.kl_div(p,q,**none) F.kl_div(p,Q,**none)
    F.kl_div(p,q,**none,log_target=True) F.kl_div(p,Q,reduction='batchmean')
    F.kl_div(p,Q,**none,log_target=True) F.poisson_nll_loss(p,q,**none)
    F.poisson_nll_loss(p,q,log_input=False,**none) F.poisson_nll_loss(p,q,full=True,**none)
    F.poisson_nll_loss(p,Q,False,full=True,**none) F.soft_margin_loss(p,Q,**none)
    F.soft_margin_loss(a,lib.sign(A)) F.margin_ranking_loss(p,q,P.sign(),**none)
    F.margin_ranking_loss(p,q,P.sign(),0.5,**none) F.margin_ranking_loss(a,a,lib.ones(46),**none)
    F.hinge_embedding_loss(a,A.sign(),**none) F.hinge_embedding_loss(a,lib.ones(46),**none)
    F.hinge_embedding_loss(a,-lib.ones(46),**none) F.nll_loss(r,CLASSES)
    F.nll_loss(r,CLASSES,**none) F.nll_loss(r,CLASSES,reduction='sum')
    F.nll_loss(r,CLASSES,weight=WEIGHT,**none) F.nll_loss(r,CLASSES,weight=WEIGHT)
    F.nll_loss(r,NONE) F.nll_loss(r,NONE,reduction='sum') F.nll_loss(r,NONE,**none)
    F.nll_loss(f,IGNORED,ignore_index=1) F.nll_loss(f,IGNORED,weight=WEIGHT,ignore_index=1)
    F.nll_loss(f[0],SOME[3]) F.nll_loss(f[0],NONE[3]) F.cross_entropy(r,CLASSES)
    F.cross_entropy(r,CLASSES,**none) F.cross_entropy(f,SOME)
    F.cross_entropy(r,CLASSES,**none,label_smoothing=0.1)
    F.cross_entropy(r,CLASSES,weight=WEIGHT,**none,label_smoothing=0.1)
    F.cross_entropy(f,SOME,label_smoothing=0.1)
    F.cross_entropy(f,SOME,weight=WEIGHT,label_smoothing=0.1) F.cross_entropy(r,NONE)
    F.cross_entropy(r,NONE,**none) F.cross_entropy(f,NONE[:14],label_smoothing=0.1)
    F.cross_entropy(f,IGNORED,ignore_index=1,label_smoothing=0.1) F.cross_entropy(r,SOFT,**none)
    F.cross_entropy(r,soft,**none,label_smoothing=0.1) F.cross_entropy(f,FSOFT,weight=WEIGHT)
    F.cosine_similarity(r,R2,1) F.cosine_similarity(r,r,1) F.cosine_similarity(zeros,ones,1)
    F.cosine_similarity(zeros,zeros,1) F.cosine_similarity(zeros,mixed,0)
    F.cosine_similarity(f,F2,1) F.cosine_similarity(constant,mixed,1,1e-3)
    F.cosine_similarity(f,f[3:4],1) F.cosine_similarity(f,f[:,:1],1)
    F.cosine_similarity(f[:,:1],f,1) F.cosine_similarity(f[0],f,-1)
"""

REDUCTIONS = """
    sum(r) sum(r,1) sum(r,0) mean(r) mean(r,1) mean(f) nansum(r,1) nansum(r) nanmean(r,1)
    nanmean(r) nanmean(r[18:19,:1]) prod(r,1) prod(r) prod(zeros,1) prod(mixed,1) prod(mixed)
    prod(mixed,0) cumprod(r,1) cumprod(mixed,1) cumprod(mixed,0) cumprod(zeros,1) cumsum(r,1)
    cumsum(e,0) amax(r,1) amin(r,1) amax(r) amin(f) amax(r,0) amax(f,(0,1)) aminmax(r,dim=1)
    aminmax(f) max(r) min(r) max(f) min(f) max(r,1)[0] min(r,1)[0] max(r,1)[1] min(r,1)[1]
    max(constant) amax(constant,1) median(r) median(f) median(r,1)[0] median(f,0)[0]
    kthvalue(R,2,1)[0] kthvalue(F2,1,0)[0] kthvalue(r[3:6],4,1)[0] sort(r,1)[0]
    sort(r,1,descending=True)[0] topk(R,2,1)[0] topk(R,2,1,largest=False)[0] topk(r[5:6],2,1)[0]
    sort(f,0)[0] topk(F2,3,0)[0] var(r,1) var(f,1) var(mixed) var(constant,1) std(r,1) std(f,1)
    std(mixed) std(constant,1) std(constant,1,unbiased=False) std(one) var(one)
    std(one,unbiased=False) var(one,unbiased=False) std(zeros,1) std(constant)
    var(f,1,correction=0) std(f,1,correction=2) std(f,1,correction=4) var(f,1,correction=5)
    var_mean(f,1) std_mean(f,1) std_mean(constant,1) var_mean(r,1) std(one,1,correction=2)
    var(one[:0]) std(one[:0]) var(one[:0],0) mean(one[:0]) logsumexp(r,1) logsumexp(r,0)
    logsumexp(r,(0,1)) logsumexp(f,1) logsumexp(f,(0,1),True) norm(r,dim=1) norm(r) norm(f)
    norm(zeros) norm(zeros,dim=1) norm(mixed) norm(f,dim=1) norm(r,1,1) norm(zeros,1)
    norm(mixed,1,1) norm(r,0,1) norm(mixed,0) norm(r,inf,1) norm(zeros,inf,1) norm(r,-inf,1)
    norm(zeros,-inf,1) norm(mixed,inf) norm(mixed,-inf) norm(constant,inf,1) norm(r,0.5,1)
    norm(zeros,0.5,1) norm(mixed,0.5,1) norm(r,3,1) norm(zeros,3,1) norm(mixed,3,1)
    norm(mixed,1.5,1) norm(zeros,1.5,1) norm(mixed,-2,1) norm(mixed,4) norm(zeros,2.5) norm(one,2)
    norm(one*0,2) norm(f,3) norm(f,'fro') norm(mixed,'nuc') dist(f,f) dist(r,r) dist(f,F2)
    dist(zeros,mixed,1)
    dist(zeros,zeros,1) dist(zeros,mixed,inf) dist(zeros,zeros,inf)
    dist(zeros,zeros,3) dist(mixed,constant,0.5) dist(p[:30],q[:30]) F.normalize(r)
    F.normalize(zeros) F.normalize(mixed) F.normalize(f) F.normalize(zeros,1.0)
    F.normalize(mixed,1.0) F.normalize(zeros,inf) F.normalize(mixed,inf) F.normalize(constant,inf)
    F.normalize(zeros,3.0) F.normalize(mixed,0.5) F.normalize(zeros,0.5)
    F.normalize(zeros,eps=0.0) F.normalize(mixed,0) F.normalize(r,dim=0)
"""

NORMS = """
    F.layer_norm(c,(4,)) F.layer_norm(e,(4,)) F.layer_norm(e,(4,),weight,shift)
    F.layer_norm(same,(3,)) F.layer_norm(same,(3,),eps=0.0) F.layer_norm(zeros,(3,))
    F.layer_norm(one,(1,)) F.layer_norm(one,(1,),eps=0.0) F.rms_norm(c,(4,))
    F.rms_norm(e,(4,),weight) F.rms_norm(zeros,(3,)) F.rms_norm(constant,(3,))
    F.rms_norm(zeros,(3,),eps=0.0) F.batch_norm(e,None,None,training=True)
    F.batch_norm(c,None,None,training=True) F.batch_norm(same,None,None,training=True)
    F.batch_norm(zeros,None,None,training=True) F.batch_norm(e,None,None,weight,shift,True)
    F.batch_norm(c,MIDDLE,SPREAD) F.batch_norm(e,MIDDLE,SPREAD,weight,shift)
    F.batch_norm(ones,None,None,training=True) F.group_norm(c,4) F.group_norm(c,1)
    F.group_norm(e,1,weight,shift) F.group_norm(zeros,3)
    F.group_norm(same,1)
"""

SPATIAL = """
    F.max_pool2d(r[None],2,1)
    F.max_pool1d(r,2) F.max_pool1d(r,2,1,1) F.max_pool1d(zeros,2,1) F.max_pool2d(r[None],2)
    F.max_pool2d(r[None],3,1,1) F.max_pool1d(ninf,2,1,1) F.max_pool1d(r,2,return_indices=True)[1]
    F.max_pool2d(ninf[None],2,return_indices=True)[1] F.max_pool2d(r[None],(2,1),1,0,2)
    F.avg_pool2d(r[None],2) F.avg_pool2d(e[None],2,1,1) F.adaptive_avg_pool2d(r[None],2)
    F.adaptive_avg_pool1d(r,2) F.conv1d(r[:,None],KERNEL) F.conv1d(f[:,None],kernel)
    F.conv2d(f[None,None],kernel[None]) F.linear(r,weight)
    F.linear(e,F.pad(weight[None],(0,0,0,1)),slope)
    F.bilinear(e,e,mat.t()[:,:,None].expand(2,4,4)) F.embedding(CLASSES,r)
    F.dropout1d(r,0.5,False) F.dropout2d(r[None],0.5,False) F.pad(r,(1,1),value=inf)
"""

PRODUCTS = """
    matmul(r,mat) matmul(e,mat) mm(e,mat) mv(r,weight) dot(a,A) dot(e[0],e[6]) vdot(e[0],e[1])
    inner(e,e) outer(weight,a) ger(weight,weight) bmm(e[None],mat[None]) addmm(e[:,:2],e,mat)
    addmm(r[:7,:2],e,mat,beta=0) addmm(e[:,:2],r[:7],mat,alpha=0)
    addmv(r[:7,0],e,weight,beta=0) addr(r[:4],weight,weight,beta=0)
    addr(e[:4],weight,weight,alpha=0) baddbmm(e[None,:,:2],e[None],mat[None],beta=0)
    addbmm(e[:,:2],e[None],mat[None],beta=0,alpha=2) einsum('ij,jk->ik',r,mat) einsum('i,i->',a,A)
    tensordot(e,mat,1) kron(mixed,weight[None]) trace(r[:4]) cross(e[:,:3],E[:,1:],dim=1)
    matrix_power(e[:4],2) matrix_power(zeros[:,:2],3)
"""

MOVES = """
    take(r,CLASSES) gather(r,1,PLACES) scatter(r,1,PLACES,f) scatter_add(r,1,PLACES,f)
    index_add(r,0,ZEROES,f) index_put(r,(ZEROES,),f,True) index_select(r,0,CLASSES)
    masked_select(r,R>0) masked_scatter(r,R>1,a) r[R!=R] r[CLASSES] take_along_dim(f,PLACES,1)
    index_fill(r,0,CLASSES[:3],inf) tril(r) triu(r)
"""


ORDERED = """
    cummax(r,1)[0] cummin(r,1)[0] logcumsumexp(e,1) nanmedian(r,1)[0] quantile(e,0.5,1)
    nanquantile(r,0.25,1) mode(e,1)[0] diff(r) trapezoid(r) cumulative_trapezoid(r)
    cov(e) renorm(e,2,0,1.0) cdist(e,e[:3]) F.pairwise_distance(r,r) F.pairwise_distance(e,E,1.0)
    F.pdist(e)  F.local_response_norm(r[None],2)
    F.triplet_margin_loss(e,E,e,reduction='none') gradient(e[0])[0]
"""


def _generic() -> list[str]:
    """A line for every elementwise op that has a derivative and is a public function."""
    calls = {"unary": "{}(a)", "binary": "{}(p,q)"}
    return [
        calls[schema.family].format(name)
        for name, schema in REGISTRY.items()
        if schema.family in calls and schema.differentiable and name in ops.functions
    ]


def lines() -> list[str]:
    """All lines, each once."""
    tables = (
        ELEMENTWISE,
        ACTIVATIONS,
        LOSSES,
        REDUCTIONS,
        NORMS,
        SPATIAL,
        PRODUCTS,
        MOVES,
        ORDERED,
    )
    written = [line for table in tables for line in re.split(r"\s+", table.strip())]
    return list(dict.fromkeys([*_generic(), *written]))


MOVING = """
    slice_inverse view_as_complex_copy view_as_real_copy
    adaptive_max_pool1d adaptive_max_pool1d_with_indices adaptive_max_pool2d
    adaptive_max_pool2d_with_indices adaptive_max_pool3d adaptive_max_pool3d_with_indices adjoint
    alias_copy as_strided as_strided_copy as_strided_scatter atleast_1d atleast_2d atleast_3d
    block_diag broadcast_tensors broadcast_to cartesian_prod cat celu_ channel_shuffle chunk
    _neg_view complex conj conj_physical imag real resolve_conj resolve_neg view_as_complex
    view_as_real
    column_stack combinations concat concatenate detach_copy diag diag_embed diagflat diagonal
    diagonal_copy diagonal_scatter dsplit dstack elu_ expand_copy fill flatten flip fliplr flipud
    fold hsplit hstack index_copy max_pool1d_with_indices max_pool2d_with_indices max_pool3d
    max_pool3d_with_indices max_unpool1d max_unpool2d max_unpool3d meshgrid moveaxis movedim msort
    narrow narrow_copy native_channel_shuffle permute permute_copy pixel_shuffle pixel_unshuffle put
    ravel repeat_interleave reshape roll rot90 row_stack select select_copy select_scatter selu_
    slice_copy slice_scatter split split_copy split_with_sizes split_with_sizes_copy squeeze
    squeeze_copy stack swapaxes swapdims t_copy tensor_split tile transpose transpose_copy trapz
    unbind unbind_copy unflatten unfold unfold_copy unique unique_consecutive unsafe_chunk
    unsafe_split unsafe_split_with_sizes unsqueeze unsqueeze_copy view_copy vsplit vstack
"""
"""They only move elements, and so does their derivative; or another name has their lines.
Those of complex numbers have their tests in tests/ops/test_complex.py."""

WITHOUT_DERIVATIVE = """
    hash_tensor
    adam_step_ all allclose angle any arange argmax argmin argsort argwhere as_tensor asarray
    bartlett_window bernoulli bincount binomial bitwise_and bitwise_left_shift bitwise_not
    bitwise_or bitwise_right_shift bitwise_xor blackman_window bucketize count_nonzero empty
    empty_like empty_permuted empty_strided eq equal eye from_dlpack from_numpy frombuffer full
    full_like gcd ge get_rng_state gt hamming_window hann_window histc histogram histogramdd
    initial_seed is_complex is_conj is_neg isclose isfinite isin isinf isnan isneginf isposinf
    isreal kaiser_window lcm le
    linspace logical_and logical_not logical_or logical_xor logspace lt lu_unpack manual_seed
    multinomial ne nonzero nonzero_static normal one_hot ones_like poisson rand rand_like randint
    randint_like randn randn_like randperm scalar_tensor searchsorted seed set_rng_state sgd_step_
    signbit tensor tril_indices triu_indices unravel_index zeros zeros_like
"""

COMPOSITIONS = """
    adaptive_avg_pool3d affine_grid alpha_dropout avg_pool1d avg_pool3d chain_matmul conv3d conv_tbc
    conv_transpose1d conv_transpose2d conv_transpose3d corrcoef cosine_embedding_loss ctc_loss
    dropout3d embedding_bag feature_alpha_dropout fractional_max_pool2d
    fractional_max_pool2d_with_indices fractional_max_pool3d fractional_max_pool3d_with_indices
    gaussian_nll_loss grid_sample grouped_mm gumbel_softmax index_reduce instance_norm interpolate
    polar
    linear_cross_entropy lp_pool1d lp_pool2d lp_pool3d matrix_exp multi_head_attention_forward
    multi_margin_loss multilabel_margin_loss multilabel_soft_margin_loss
    istft scaled_dot_product_attention scatter_reduce stft triplet_margin_with_distance_loss
    upsample upsample_bilinear upsample_nearest
"""
"""Sums, products and choices of functions that have lines; or random."""

FACTORISATIONS = """
    cholesky cholesky_inverse cholesky_solve det geqrf inverse logdet lu lu_solve orgqr ormqr
    pinverse qr slogdet svd triangular_solve
"""
"""LAPACK's, of matrices: singular and other special ones in tests/ops/test_linalg.py."""

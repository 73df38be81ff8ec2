"""The names in the families of `late`, by table. Written by `make stubs`."""

from __future__ import annotations

NAMES: dict[str, dict[str, str]] = {
    "create.pinned": {
        "methods": """
            pin_memory is_pinned
        """,
    },
    "create.ranges": {
        "functions": """
            arange linspace logspace eye tril triu tril_indices triu_indices meshgrid
        """,
        "methods": """
            tril tril_ triu triu_
        """,
        "ops": """
            tril triu
        """,
    },
    "create.shared": {
        "methods": """
            share_memory_ is_shared record_stream
        """,
    },
    "create.windows": {
        "functions": """
            hann_window blackman_window bartlett_window hamming_window kaiser_window
        """,
    },
    "fourier.short_time": {
        "functions": """
            stft istft
        """,
        "methods": """
            stft istft
        """,
    },
    "indexing.along": {
        "functions": """
            index_select index_add index_fill index_copy
        """,
        "methods": """
            index_select index_add_ index_add index_fill_ index_fill index_copy index_copy_
        """,
    },
    "indexing.gather": {
        "functions": """
            gather scatter_add scatter take_along_dim
        """,
        "methods": """
            gather scatter_add scatter_add_ scatter scatter_ take_along_dim
        """,
        "ops": """
            gather scatter_add
        """,
    },
    "indexing.masks": {
        "functions": """
            masked_select masked_scatter
        """,
        "methods": """
            masked_select masked_scatter masked_scatter_
        """,
    },
    "indexing.reduced": {
        "functions": """
            scatter_reduce index_reduce put
        """,
        "methods": """
            scatter_reduce scatter_reduce_ index_reduce index_reduce_ put put_
        """,
        "compositions": """
            scatter_reduce
        """,
    },
    "linalg.contraction": {
        "functions": """
            einsum tensordot inner vdot addmv addr addbmm trace kron cross
        """,
        "methods": """
            inner vdot addmv addmv_ addr addr_ addbmm addbmm_ trace kron cross
        """,
    },
    "linalg.norms": {
        "functions": """
            norm dist logsumexp
        """,
        "methods": """
            norm dist logsumexp
        """,
        "compositions": """
            norm logsumexp
        """,
    },
    "linalg.older": {
        "functions": """
            cholesky cholesky_inverse cholesky_solve inverse det logdet slogdet qr svd geqrf orgqr
            ormqr triangular_solve lu lu_solve lu_unpack pinverse matrix_exp matrix_power
            chain_matmul
        """,
        "methods": """
            cholesky cholesky_inverse cholesky_solve inverse det logdet slogdet qr svd geqrf orgqr
            ormqr triangular_solve lu lu_solve pinverse matrix_exp matrix_power
        """,
    },
    "nn.activation": {
        "functions": """
            gelu silu relu6 hardtanh leaky_relu prelu elu selu celu softplus logsigmoid softsign
            tanhshrink hardsigmoid hardswish mish softshrink hardshrink threshold glu dropout
        """,
        "methods": """
            prelu hardshrink
        """,
        "ops": """
            gelu gelu_backward silu silu_backward
        """,
        "compositions": """
            hardtanh prelu elu logsigmoid hardsigmoid hardswish mish softshrink
        """,
    },
    "nn.classification": {
        "functions": """
            nll_loss cross_entropy
        """,
    },
    "nn.conv": {
        "functions": """
            conv2d
        """,
        "ops": """
            conv2d conv2d_backward_input conv2d_backward_weight
        """,
    },
    "nn.embedding": {
        "functions": """
            embedding one_hot
        """,
    },
    "nn.loss": {
        "functions": """
            mse_loss l1_loss smooth_l1_loss huber_loss binary_cross_entropy
            binary_cross_entropy_with_logits kl_div soft_margin_loss
        """,
        "ops": """
            mse_loss mse_loss_backward
        """,
        "compositions": """
            smooth_l1_loss huber_loss binary_cross_entropy binary_cross_entropy_with_logits
        """,
        "short cuts": """
            mse_loss_backward mse_loss
        """,
    },
    "nn.normalization": {
        "functions": """
            layer_norm rms_norm batch_norm group_norm
        """,
        "ops": """
            layer_norm layer_norm_backward
        """,
    },
    "nn.optimizer_steps": {
        "functions": """
            sgd_step_ adam_step_
        """,
        "ops": """
            sgd_step adam_step
        """,
    },
    "nn.pool": {
        "functions": """
            max_pool2d_with_indices max_pool2d avg_pool2d adaptive_avg_pool2d
        """,
        "ops": """
            max_pool2d max_pool2d_backward avg_pool2d avg_pool2d_backward
        """,
    },
    "nn.similarity": {
        "functions": """
            cosine_similarity bilinear
        """,
    },
    "nn.softmax": {
        "functions": """
            softmax log_softmax softmin
        """,
        "methods": """
            softmax log_softmax
        """,
        "ops": """
            softmax log_softmax softmax_backward log_softmax_backward
        """,
    },
    "pointwise.binary_composed": {
        "functions": """
            logaddexp logaddexp2 xlogy heaviside float_power
        """,
        "methods": """
            logaddexp logaddexp2 xlogy xlogy_ heaviside heaviside_ float_power float_power_
        """,
        "compositions": """
            logaddexp xlogy
        """,
    },
    "pointwise.bits": {
        "functions": """
            frexp nextafter
        """,
        "methods": """
            frexp nextafter nextafter_
        """,
        "compositions": """
            nextafter
        """,
    },
    "pointwise.integers": {
        "functions": """
            gcd lcm ldexp
        """,
        "methods": """
            gcd gcd_ lcm lcm_ ldexp ldexp_
        """,
    },
    "pointwise.special": {
        "functions": """
            i0 lgamma digamma polygamma mvlgamma erfinv igamma igammac
        """,
        "methods": """
            i0 i0_ lgamma lgamma_ digamma digamma_ polygamma polygamma_ mvlgamma mvlgamma_ erfinv
            erfinv_ igamma igamma_ igammac igammac_
        """,
    },
    "pointwise.ternary_composed": {
        "functions": """
            addcmul addcdiv lerp
        """,
        "methods": """
            addcmul addcmul_ addcdiv addcdiv_ lerp lerp_
        """,
        "compositions": """
            addcmul addcdiv lerp lerp_by_number
        """,
    },
    "random.creation": {
        "functions": """
            rand randn rand_like randn_like randint randint_like randperm
        """,
    },
    "random.draws": {
        "ops": """
            random_bits random_uniform random_normal
        """,
    },
    "random.filled": {
        "methods": """
            exponential_ geometric_ cauchy_ log_normal_
        """,
    },
    "random.distributions": {
        "functions": """
            normal bernoulli multinomial
        """,
        "methods": """
            uniform_ normal_ bernoulli multinomial bernoulli_ random_
        """,
        "compositions": """
            bernoulli
        """,
    },
    "random.counts": {
        "functions": """
            poisson binomial
        """,
        "compositions": """
            poisson
        """,
    },
    "reduce.covariance": {
        "functions": """
            cov corrcoef
        """,
        "methods": """
            cov corrcoef
        """,
    },
    "reduce.differences": {
        "functions": """
            diff trapezoid trapz cumulative_trapezoid gradient
        """,
        "methods": """
            diff
        """,
    },
    "reduce.distances": {
        "functions": """
            cdist renorm
        """,
        "methods": """
            renorm renorm_
        """,
        "compositions": """
            cdist
        """,
    },
    "reduce.hashes": {
        "functions": """
            hash_tensor
        """,
        "methods": """
            hash_tensor
        """,
    },
    "reduce.histograms": {
        "functions": """
            histogramdd
        """,
    },
    "reduce.order": {
        "functions": """
            cumsum argsort sort topk
        """,
        "methods": """
            cumsum cumsum_ argsort sort topk
        """,
        "ops": """
            cumsum argsort argselect
        """,
    },
    "reduce.quantiles": {
        "functions": """
            msort mode nanmedian quantile nanquantile
        """,
        "methods": """
            msort mode nanmedian quantile nanquantile
        """,
        "compositions": """
            nanmedian
        """,
    },
    "reduce.scans": {
        "functions": """
            cumprod cummax cummin logcumsumexp
        """,
        "methods": """
            cumprod cumprod_ cummax cummin logcumsumexp
        """,
        "ops": """
            chain cumprod argcummax argcummin logcumsumexp
        """,
    },
    "reduce.search": {
        "functions": """
            searchsorted bucketize isin unravel_index histc histogram
        """,
        "methods": """
            histc histogram
        """,
    },
    "reduce.statistics": {
        "functions": """
            var std var_mean std_mean nansum nanmean kthvalue median
        """,
        "methods": """
            var std nansum nanmean kthvalue median
        """,
        "compositions": """
            var std nan_to_zero median
        """,
    },
    "reduce.unique": {
        "functions": """
            bincount unique unique_consecutive
        """,
        "methods": """
            bincount unique unique_consecutive
        """,
    },
    "shape.blocks": {
        "functions": """
            block_diag combinations
        """,
    },
    "shape.copies": {
        "functions": """
            alias_copy as_strided_copy detach_copy diagonal_copy expand_copy permute_copy
            select_copy slice_copy split_copy split_with_sizes_copy squeeze_copy t_copy
            transpose_copy unbind_copy unfold_copy unsqueeze_copy view_copy view_as_complex_copy
            view_as_real_copy narrow_copy split_with_sizes unsafe_split unsafe_split_with_sizes
            unsafe_chunk
        """,
        "methods": """
            narrow_copy split_with_sizes unsafe_split unsafe_split_with_sizes unsafe_chunk
        """,
    },
    "shape.diagonals": {
        "functions": """
            diag diag_embed diagflat
        """,
        "methods": """
            diag diag_embed diagflat fill_diagonal_
        """,
    },
    "shape.embedded": {
        "functions": """
            select_scatter slice_scatter diagonal_scatter as_strided_scatter
        """,
        "methods": """
            select_scatter slice_scatter diagonal_scatter as_strided_scatter
        """,
    },
    "shape.pad": {
        "functions": """
            pad
        """,
    },
    "shape.repeat": {
        "functions": """
            tile repeat_interleave
        """,
        "methods": """
            repeat tile repeat_interleave
        """,
    },
    "shape.resized": {
        "methods": """
            resize_ resize_as_ resize resize_as set_
        """,
    },
    "shape.splits": {
        "functions": """
            hsplit vsplit dsplit
        """,
        "methods": """
            hsplit vsplit dsplit
        """,
    },
    "shape.stacking": {
        "functions": """
            atleast_1d atleast_2d atleast_3d dstack column_stack cartesian_prod
        """,
    },
}

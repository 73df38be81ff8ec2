// One optimizer step for one parameter. The operands are the parameter, its gradient, and what the
// optimizer remembers; the settings are computed on the host, in double precision.

__kernel void sgd_step(__global T *param, __global const T *grad, __global T *momentum,
                       const Layout layout, const T lr, const T momentum_factor,
                       const T gradient_factor, const T weight_decay, const T sign,
                       const int has_momentum, const int nesterov, const int first)
{
    const long i = get_global_id(0);
    if (i >= layout.count)
        return;
    long at[OPERANDS];
    locate(&layout, 3, i, at);
    T d = sign * grad[at[1]];
    if (weight_decay != 0)
        d += weight_decay * param[at[0]];
    if (has_momentum) {
        const T smooth = first ? d : momentum_factor * momentum[at[2]] + gradient_factor * d;
        momentum[at[2]] = smooth;
        d = nesterov ? d + momentum_factor * smooth : smooth;
    }
    param[at[0]] -= lr * d;
}

__kernel void adam_step(__global T *param, __global const T *grad, __global T *average,
                        __global T *square_average, const Layout layout, const T beta1,
                        const T other1, const T beta2, const T other2, const T step_size,
                        const T root_correction, const T eps, const T weight_decay, const T shrink,
                        const T sign)
{
    const long i = get_global_id(0);
    if (i >= layout.count)
        return;
    long at[OPERANDS];
    locate(&layout, 4, i, at);
    T d = sign * grad[at[1]];
    if (weight_decay != 0)
        d += weight_decay * param[at[0]];
    const T m = average[at[2]] * beta1 + d * other1;
    const T v = square_average[at[3]] * beta2 + d * d * other2;
    average[at[2]] = m;
    square_average[at[3]] = v;
    param[at[0]] = param[at[0]] * shrink - step_size * m / (sqrt(v) / root_correction + eps);
}

// Matrix products. Macros: T, U (integers wrap around in it), V elements of a vector, TV the vector
// of T; ROWS of `a` are multiplied at once.

// Here a fused multiply-add is faster and more exact.
#pragma OPENCL FP_CONTRACT ON

// Strides and offsets of (batch, row, column), in elements.
typedef struct {
    long offset, batch, row, column;
} Matrix;

typedef struct {
    long batches, m, n, k;
    long has_bias, bias_offset, bias_stride;
} Sizes;

static inline T with_bias(T sum, __global const T *bias, Sizes sizes, long column)
{
    return sizes.has_bias ? sum + bias[sizes.bias_offset + column * sizes.bias_stride] : sum;
}

// One work-item per element of `out`, for small products.
__kernel void plain(__global T *out, __global const T *a, __global const T *b,
                    __global const T *bias, const Matrix to, const Matrix left, const Matrix right,
                    const Sizes sizes)
{
    const long i = get_global_id(0);
    if (i >= sizes.batches * sizes.m * sizes.n)
        return;
    const long column = i % sizes.n, row = i / sizes.n % sizes.m, batch = i / sizes.n / sizes.m;
    a += left.offset + batch * left.batch + row * left.row;
    b += right.offset + batch * right.batch + column * right.column;
    U sum = 0;
    for (long k = 0; k < sizes.k; ++k)
        sum += (U)a[k * left.column] * (U)b[k * right.row];
    out[to.offset + batch * to.batch + row * to.row + column * to.column] =
        with_bias((T)sum, bias, sizes, column);
}

// Copies a matrix into dense memory of (batches, lines, width), zeros around it. A line is a row,
// or with `turn` a panel of `turn` rows in which equal columns are neighbours.
__kernel void pack(__global T *to, __global const T *from, const Matrix matrix, const long rows,
                   const long columns, const long padded_rows, const long padded_columns,
                   const long turn, const long batches)
{
    const long i = get_global_id(0);
    const long size = padded_rows * padded_columns;
    if (i >= batches * size)
        return;
    const long batch = i / size, place = i % size;
    long row = place / padded_columns, column = place % padded_columns;
    if (turn) {
        const long panel = turn * padded_columns;
        row = place / panel * turn + place % turn;
        column = place % panel / turn;
    }
    to[i] =
        row < rows && column < columns
            ? from[matrix.offset + batch * matrix.batch + row * matrix.row + column * matrix.column]
            : (T)0;
}

// One work-item per tile of ROWS x V elements, from packed matrices.
__kernel void tiles(__global T *out, __global const T *a, __global const T *b,
                    __global const T *bias, const Matrix to, const Sizes sizes, const long padded_m,
                    const long padded_n, const long left_step, const long right_step)
{
    const long column = get_global_id(0) * V;
    const long row = get_global_id(1) * ROWS;
    const long batch = get_global_id(2);
    if (column >= padded_n || row >= padded_m)
        return;
    a += batch * left_step + row * sizes.k;
    b += batch * right_step + column;
    TV sum0 = (TV)0, sum1 = (TV)0, sum2 = (TV)0, sum3 = (TV)0;
    for (long k = 0; k < sizes.k; ++k) {
        const TV line = LOAD(0, b + k * padded_n);
        sum0 += (TV)a[k * ROWS] * line;
        sum1 += (TV)a[k * ROWS + 1] * line;
        sum2 += (TV)a[k * ROWS + 2] * line;
        sum3 += (TV)a[k * ROWS + 3] * line;
    }
    T results[ROWS * V];
    STORE(sum0, 0, results);
    STORE(sum1, 1, results);
    STORE(sum2, 2, results);
    STORE(sum3, 3, results);
    out += to.offset + batch * to.batch;
    for (long r = 0; r < min((long)ROWS, sizes.m - row); ++r)
        for (long c = 0; c < min((long)V, sizes.n - column); ++c)
            out[(row + r) * to.row + (column + c) * to.column] =
                with_bias(results[r * V + c], bias, sizes, column + c);
}

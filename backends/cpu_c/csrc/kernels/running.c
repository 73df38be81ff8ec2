/* Along a row or along neighbouring columns: running products, extremes, logarithms of sums. */
#include "columnmath.h"

/* Elements whose exponentials and logarithms are computed side by side. */
#define BLOCK 32
/* Elements whose product is taken by itself. */
#define CHUNK COREX_RUNNING_CHUNK

/* Element i of operand k of a line. */
#define AT(T, k, i) (*(T *)(p[k] + (i) * s[k]))

/* ---- products: those of floats are kept in double, as sums are ---- */
#define CUMPROD(sfx, T, A) \
    static void cumprod_##sfx(char *const *p, const int64_t *s, int64_t n) \
    { \
        A product = 1; \
        for (int64_t i = 0; i < n; i++) { \
            product *= (A)AT(const T, 1, i); \
            AT(T, 0, i) = (T)product; \
        } \
    } \
    static void columns_cumprod_##sfx(const corex_block *block) \
    { \
        const int64_t columns = block->columns; \
        A product[COREX_COLUMNS]; \
        EACH_COLUMN product[c] = 1; \
        EACH_COLUMN_ROW \
        { \
            T *const out = COLUMN_ROW(T, 0); \
            const T *const x = COLUMN_ROW(const T, 1); \
            EACH_COLUMN \
            { \
                product[c] *= (A)x[c]; \
                out[c] = (T)product[c]; \
            } \
        } \
    }

COREX_INTEGER_ROWS(COREX_MAKE, CUMPROD, uint64_t)
COREX_FLOAT_ROWS(COREX_MAKE, CUMPROD, double)

#define COMPLEX_CUMPROD(sfx, C, T) \
    COREX_INLINE void cumprod_line_##sfx(char *out, int64_t to, const char *in, int64_t from, \
                                         int64_t n) \
    { \
        double re = 1, im = 0; \
        for (int64_t i = 0; i < n; i++) { \
            const C x = *(const C *)(in + i * from); \
            const double first = re * x.re - im * x.im; \
            im = re * x.im + im * x.re; \
            re = first; \
            *(C *)(out + i * to) = (C){(T)re, (T)im}; \
        } \
    } \
    static void cumprod_##sfx(char *const *p, const int64_t *s, int64_t n) \
    { \
        if (s[0] == sizeof(C) && s[1] == sizeof(C)) \
            cumprod_line_##sfx(p[0], sizeof(C), p[1], sizeof(C), n); \
        else \
            cumprod_line_##sfx(p[0], s[0], p[1], s[1], n); \
    } \
    static void columns_cumprod_##sfx(const corex_block *block) \
    { \
        const int64_t columns = block->columns; \
        double re[COREX_COLUMNS], im[COREX_COLUMNS]; \
        EACH_COLUMN \
        { \
            re[c] = 1; \
            im[c] = 0; \
        } \
        EACH_COLUMN_ROW \
        { \
            C *const out = COLUMN_ROW(C, 0); \
            const C *const x = COLUMN_ROW(const C, 1); \
            EACH_COLUMN \
            { \
                const double u = x[c].re, v = x[c].im, first = re[c] * u - im[c] * v; \
                im[c] = re[c] * v + im[c] * u; \
                re[c] = first; \
                out[c] = (C){(T)re[c], (T)im[c]}; \
            } \
        } \
    }

COMPLEX_CUMPROD(c64, corex_complex64, float)
COMPLEX_CUMPROD(c128, corex_complex128, double)
#define CUMPROD_TABLE(name) \
    {COREX_NUMBER_ROWS(COREX_ENTRY, name)[COREX_COMPLEX64] = name##_c64, \
     [COREX_COMPLEX128] = name##_c128}

/*
 * Of each element, the product of all others: those before it times those behind it. Operand 2 of a
 * line has room for the product of each chunk, and for that of the chunks before it.
 */
#define PROD_OTHERS(sfx, T) \
    static void prod_others_##sfx(char *const *p, const int64_t *s, int64_t n) \
    { \
        const int64_t chunks = (n + CHUNK - 1) / CHUNK; \
        double *const of = (double *)p[2], *const before = of + chunks; \
        double product = 1, behind = 1, part[CHUNK]; \
        for (int64_t k = 0; k < chunks; k++) { \
            double even = 1, odd = 1; \
            const int64_t end = COREX_MIN(n, (k + 1) * CHUNK); \
            int64_t i = k * CHUNK; \
            for (; i + 1 < end; i += 2) { \
                even *= (double)AT(const T, 1, i); \
                odd *= (double)AT(const T, 1, i + 1); \
            } \
            of[k] = even * odd * (i < end ? (double)AT(const T, 1, i) : 1); \
            before[k] = product; \
            product *= of[k]; \
        } \
        for (int64_t k = chunks - 1; k >= 0; k--) { \
            const int64_t start = k * CHUNK, count = COREX_MIN(CHUNK, n - start); \
            double left = before[k], right = behind; \
            for (int64_t i = 0; i < count; i++) { \
                part[i] = left; \
                left *= (double)AT(const T, 1, start + i); \
            } \
            for (int64_t i = count - 1; i >= 0; i--) { \
                const double x = (double)AT(const T, 1, start + i); \
                AT(T, 0, start + i) = (T)(part[i] * right); \
                right *= x; \
            } \
            behind *= of[k]; \
        } \
    } \
    static void columns_prod_others_##sfx(const corex_block *block) \
    { \
        const int64_t columns = block->columns; \
        double product[COREX_COLUMNS]; \
        EACH_COLUMN product[c] = 1; \
        EACH_COLUMN_ROW \
        { \
            T *const out = COLUMN_ROW(T, 0); \
            const T *const x = COLUMN_ROW(const T, 1); \
            EACH_COLUMN \
            { \
                out[c] = (T)product[c]; \
                product[c] *= (double)x[c]; \
            } \
        } \
        EACH_COLUMN product[c] = 1; \
        for (int64_t i = block->n - 1; i >= 0; i--) { \
            T *const out = COLUMN_ROW(T, 0); \
            const T *const x = COLUMN_ROW(const T, 1); \
            EACH_COLUMN \
            { \
                out[c] = (T)(out[c] * product[c]); \
                product[c] *= (double)x[c]; \
            } \
        } \
    }

COREX_FLOAT_ROWS(COREX_MAKE, PROD_OTHERS)

/*
 * ---- chains: out[i] = a[i] + b[i] out[i - 1], or with b[i - 1], the factor before ----
 *
 * A factor is read before its place is written: the output may be that operand.
 */
#define CHAIN(name, T, late) \
    static void name(char *const *p, const int64_t *s, int64_t n) \
    { \
        double x = 0, before = 0; \
        for (int64_t i = 0; i < n; i++) { \
            const double b = (double)AT(const T, 2, i), a = (double)AT(const T, 1, i); \
            x = i == 0 ? a : a + ((late) ? before : b) * x; \
            before = b; \
            AT(T, 0, i) = (T)x; \
        } \
    } \
    static void columns_##name(const corex_block *block) \
    { \
        const int64_t columns = block->columns; \
        double x[COREX_COLUMNS], before[COREX_COLUMNS]; \
        EACH_COLUMN_ROW \
        { \
            T *const out = COLUMN_ROW(T, 0); \
            const T *const a = COLUMN_ROW(const T, 1), *const b = COLUMN_ROW(const T, 2); \
            EACH_COLUMN \
            { \
                const double factor = (double)b[c]; \
                x[c] = \
                    i == 0 ? (double)a[c] : (double)a[c] + ((late) ? before[c] : factor) * x[c]; \
                before[c] = factor; \
                out[c] = (T)x[c]; \
            } \
        } \
    }
#define CHAINS(sfx, T) CHAIN(chain_##sfx, T, 0) CHAIN(chain_late_##sfx, T, 1)

COREX_FLOAT_ROWS(COREX_MAKE, CHAINS)

/* ---- where the extreme of the entries so far is: the last of equals, and the last NaN ---- */
#define REACHED_MAX(x, best) ((x) >= (best) || (x) != (x))
#define REACHED_MIN(x, best) ((x) <= (best) || (x) != (x))

#define EXTREME(name, T, REACHED) \
    static void name(char *const *p, const int64_t *s, int64_t n) \
    { \
        T best = n > 0 ? AT(const T, 1, 0) : 0; \
        int64_t at = 0; \
        for (int64_t i = 0; i < n; i++) { \
            const T x = AT(const T, 1, i); \
            const bool takes = REACHED(x, best); \
            best = takes ? x : best; \
            at = takes ? i : at; \
            AT(int64_t, 0, i) = at; \
        } \
    } \
    static void columns_##name(const corex_block *block) \
    { \
        const int64_t columns = block->columns; \
        T best[COREX_COLUMNS]; \
        int64_t at[COREX_COLUMNS]; \
        EACH_COLUMN at[c] = 0; \
        EACH_COLUMN_ROW \
        { \
            int64_t *const out = COLUMN_ROW(int64_t, 0); \
            const T *const x = COLUMN_ROW(const T, 1); \
            if (i == 0) \
                memcpy(best, x, sizeof(T) * columns); \
            EACH_COLUMN \
            { \
                const bool takes = REACHED(x[c], best[c]); \
                best[c] = takes ? x[c] : best[c]; \
                at[c] = takes ? i : at[c]; \
                out[c] = at[c]; \
            } \
        } \
    }
#define EXTREMES(sfx, T) \
    EXTREME(argcummax_##sfx, T, REACHED_MAX) EXTREME(argcummin_##sfx, T, REACHED_MIN)

COREX_NUMBER_ROWS(COREX_MAKE, EXTREMES)

/*
 * ---- logarithms of running sums of exponentials ----
 *
 * The sum is kept relative to the largest entry so far: the logarithm is top + log1p(more), where
 * more is the sum of exp(entry - top) over all entries but one that is the top itself. An infinite
 * entry equals the top or does not, and no difference of infinities is taken.
 */
#define POWER(x, y) ((x) == (y) ? 1 : VM_EXP((x) - (y)))

#define LOG_SUMS(sfx, T) \
    /* Of a block; its entries become the tops, and what is added to them. */ \
    static void log_sums_##sfx(T *x, T *more, int64_t n, T *top, double *sum) \
    { \
        T power[BLOCK]; \
        const T before = *top; \
        bool below = true; \
        for (int64_t i = 0; i < n; i++) \
            below &= x[i] <= before; \
        if (below) { \
            for (int64_t i = 0; i < n; i++) \
                power[i] = POWER(x[i], before); \
            for (int64_t i = 0; i < n; i++) { \
                *sum += (double)power[i]; \
                more[i] = (T) * sum; \
                x[i] = before; \
            } \
            return; \
        } \
        for (int64_t i = 0; i < n; i++) { \
            if (x[i] <= *top) { \
                *sum += (double)POWER(x[i], *top); \
            } else { \
                *sum = (*sum + 1) * (double)POWER(*top, x[i]); \
                *top = x[i]; \
            } \
            more[i] = (T) * sum; \
            x[i] = *top; \
        } \
    } \
    static void logcumsumexp_##sfx(char *const *p, const int64_t *s, int64_t n) \
    { \
        T x[BLOCK], more[BLOCK], top = 0; \
        double sum = 0; \
        for (int64_t start = 0; start < n; start += BLOCK) { \
            const int64_t count = COREX_MIN(BLOCK, n - start); \
            int64_t first = 0; \
            for (int64_t i = 0; i < count; i++) \
                x[i] = AT(const T, 1, start + i); \
            if (start == 0) { \
                top = x[0]; \
                more[0] = top != top ? top : 0; \
                sum = (double)more[0]; \
                first = 1; \
            } \
            log_sums_##sfx(x + first, more + first, count - first, &top, &sum); \
            for (int64_t i = 0; i < count; i++) \
                more[i] = VM_LOG1P(more[i]); \
            for (int64_t i = 0; i < count; i++) \
                AT(T, 0, start + i) = x[i] + more[i]; \
        } \
    } \
    static void columns_logcumsumexp_##sfx(const corex_block *block) \
    { \
        const int64_t columns = block->columns; \
        T top[COREX_COLUMNS]; \
        double sum[COREX_COLUMNS]; \
        EACH_COLUMN_ROW \
        { \
            T *const out = COLUMN_ROW(T, 0); \
            const T *const x = COLUMN_ROW(const T, 1); \
            if (i == 0) { \
                EACH_COLUMN \
                { \
                    top[c] = x[c]; \
                    sum[c] = x[c] != x[c] ? (double)x[c] : 0; \
                    out[c] = x[c]; \
                } \
                continue; \
            } \
            EACH_COLUMN \
            { \
                const bool below = x[c] <= top[c]; \
                const T low = below ? x[c] : top[c], high = below ? top[c] : x[c]; \
                const double power = (double)POWER(low, high); \
                sum[c] = below ? sum[c] + power : (sum[c] + 1) * power; \
                top[c] = high; \
                out[c] = high + VM_LOG1P((T)sum[c]); \
            } \
        } \
    }

COREX_FLOAT_ROWS(COREX_MAKE, LOG_SUMS)

const corex_running_table COREX_LEVELED(corex_running) = {
    .lines = {[COREX_CUMPROD] = CUMPROD_TABLE(cumprod),
              [COREX_PROD_OTHERS] = COREX_FLOAT_TABLE(prod_others),
              [COREX_CHAIN] = COREX_FLOAT_TABLE(chain),
              [COREX_CHAIN_LATE] = COREX_FLOAT_TABLE(chain_late),
              [COREX_ARGCUMMAX] = COREX_ANY_TABLE(argcummax),
              [COREX_ARGCUMMIN] = COREX_ANY_TABLE(argcummin),
              [COREX_LOGCUMSUMEXP] = COREX_FLOAT_TABLE(logcumsumexp)},
    .columns = {[COREX_CUMPROD] = CUMPROD_TABLE(columns_cumprod),
                [COREX_PROD_OTHERS] = COREX_FLOAT_TABLE(columns_prod_others),
                [COREX_CHAIN] = COREX_FLOAT_TABLE(columns_chain),
                [COREX_CHAIN_LATE] = COREX_FLOAT_TABLE(columns_chain_late),
                [COREX_ARGCUMMAX] = COREX_ANY_TABLE(columns_argcummax),
                [COREX_ARGCUMMIN] = COREX_ANY_TABLE(columns_argcummin),
                [COREX_LOGCUMSUMEXP] = COREX_FLOAT_TABLE(columns_logcumsumexp)},
};

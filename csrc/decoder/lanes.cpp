// This file is compiled once per instruction set; see simd/lanes.inc.
#include "lanes.hpp"
#include "../simd/lanes.inc"
#include "../simd/products.inc"
#include "../simd/results.inc"

namespace lmsi {
namespace {

// The number of rows that are computed together: their inputs for a block of depth stay in L1, and their sums in L2.
constexpr size_t kChunk = 64;

// sums[columns / 16][rows][16] = x weight^T for a group of columns, padded to whole lanes. The sums are not written to y directly,
// because rows whose distance is a power of two compete for the same cache lines.
template <class F>
void sum_products(const float* x, size_t rows, size_t in, const typename F::Word* panel, size_t columns, typename F::Operand* operands,
                  float* sums) {
    for (size_t begin = 0; begin < in; begin += kDepthBlock * F::kDepth) {
        const size_t left = in - begin, depth = left < kDepthBlock * F::kDepth ? left : kDepthBlock * F::kDepth;
        const size_t steps = (depth + F::kDepth - 1) / F::kDepth;
        fill<F>(x + begin, in, rows, depth, operands);
        for (size_t column = 0; column < columns; column += kLanes, panel += steps * kLanes) {
            const char* next = reinterpret_cast<const char*>(panel + steps * kLanes);
            products<F>(operands, rows, panel, steps, sums + column * rows, kLanes, begin > 0, next);
        }
    }
}

// Calls take(sums, row, rows, column, columns) for the sums of some rows, beginning with `row`, and each group of columns. If the
// weight has `halves`, the columns begin with `column` in each half.
template <class F, class Take> void multiply_groups(const float* x, size_t rows, const Packed& weight, const Take& take) {
    const size_t most = rows < kChunk ? rows : kChunk, total = (weight.in + F::kDepth - 1) / F::kDepth;
    Scratch<typename F::Operand> operands(most * kStride);
    Scratch<float> sums(most * weight.group);
    const auto* words = reinterpret_cast<const typename F::Word*>(weight.words);
    for (size_t done = 0; done < weight.out; done += weight.group) {
        const size_t columns = weight.out - done < weight.group ? weight.out - done : weight.group, padded = whole_lanes(columns);
        for (size_t row = 0; row < rows; row += kChunk) {
            const size_t count = rows - row < kChunk ? rows - row : kChunk;
            sum_products<F>(x + row * weight.in, count, weight.in, words, padded, operands.data(), sums.data());
            take(sums.data(), row, count, weight.halves ? done / 2 : done, columns);
        }
        words += padded * total;
    }
}

// y[rows][count] = sums[count / 16][rows][16], or +=; consecutive rows of y are `stride` apart.
void store_rows(const float* sums, size_t rows, size_t count, size_t stride, Results how, float* y) {
    for (size_t row = 0; row < rows; ++row, sums += kLanes, y += stride) {
        const float* from = sums;
        size_t column = 0;
        for (; column + kLanes <= count; column += kLanes, from += rows * kLanes)
            for (size_t p = 0; p < kLanes; p += kWidth) store(loaded<Floats>(from + p), how, y + column + p);
        for (size_t j = 0; column + j < count; ++j) store(from[j], how, y[column + j]);
    }
}

template <class F> void multiply(const float* x, size_t rows, const Packed& weight, Results results, float* y) {
    const Results how = storage(results, rows, weight.out, y);
    multiply_groups<F>(x, rows, weight, [&](const float* sums, size_t row, size_t count, size_t column, size_t columns) {
        const size_t parts = weight.halves ? 2 : 1, width = columns / parts;
        for (size_t i = 0; i < parts; ++i)
            store_rows(sums + i * count * width, count, width, weight.out, how, y + row * weight.out + i * (weight.out / 2) + column);
    });
    finish(how);
}

// silu(gate) * up
inline float activated(float gate, float up) {
    const float small = probability(gate < 0 ? gate : -gate, 0);  // exp(-|gate|)
    return gate * (gate < 0 ? small : 1.0f) / (1.0f + small) * up;
}

template <class F> void multiply_gated(const float* x, size_t rows, const Packed& weight, float* y) {
    multiply_groups<F>(x, rows, weight, [&](const float* sums, size_t row, size_t count, size_t column, size_t columns) {
        const float *gate = sums, *up = sums + count * columns / 2;
        for (size_t i = 0; i < count; ++i) {
            float* to = y + (row + i) * (weight.out / 2) + column;
            for (size_t j = 0; j < columns / 2; j += kLanes)
                for (size_t lane = 0; lane < kLanes; ++lane) {
                    const size_t at = j * count + i * kLanes + lane;
                    to[j + lane] = activated(gate[at], up[at]);
                }
        }
    });
}

void normalize(const float* x, size_t rows, size_t width, const float* weight, float epsilon, float* to) {
    for (size_t row = 0; row < rows; ++row, x += width, to += width) {
        float lanes[kLanes] = {}, total = 0;
        size_t whole = 0;
        for (; whole + kLanes <= width; whole += kLanes)
            for (size_t j = 0; j < kLanes; ++j) lanes[j] += x[whole + j] * x[whole + j];
        for (size_t d = whole; d < width; ++d) lanes[d - whole] += x[d] * x[d];
        for (const float lane : lanes) total += lane;
        const float scale = 1 / __builtin_sqrtf(total / static_cast<float>(width) + epsilon);
        for (size_t d = 0; d < width; ++d) to[d] = x[d] * scale * weight[d];
    }
}

void rotate(float* x, size_t heads, size_t width, const float* __restrict cos, const float* __restrict sin) {
    const size_t half = width / 2;
    for (size_t head = 0; head < heads; ++head, x += width) {
        float* __restrict low = x, * __restrict high = x + half;
        for (size_t d = 0; d < half; ++d) {
            const float a = low[d], b = high[d];
            low[d] = a * cos[d] - b * sin[d];
            high[d] = b * cos[d + half] + a * sin[d + half];
        }
    }
}

void activate(const float* x, size_t rows, size_t width, float* to) {
    for (size_t row = 0; row < rows; ++row, x += 2 * width, to += width)
        for (size_t d = 0; d < width; ++d) to[d] = activated(x[d], x[width + d]);
}

}  // namespace

const DecoderLanes DecoderTables::LMSI_ISA = {
    {multiply<Single>, multiply<Pair>}, {multiply_gated<Single>, multiply_gated<Pair>}, normalize, rotate, activate};

}  // namespace lmsi

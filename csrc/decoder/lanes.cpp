// This file is compiled once per instruction set; see simd/lanes.inc.
#include "lanes.hpp"
#include "../simd/lanes.inc"
#include "../simd/products.inc"

namespace lmsi {
namespace {

// The number of rows that are computed together: their inputs for a block of depth stay in L1, and their sums in L2.
constexpr size_t kChunk = 64;
// The number of columns that are computed together. With all 49,152 columns of a vocabulary, the sums did not stay in the
// cache, and products reached 145 instead of 205 GFLOP/s.
constexpr size_t kColumns = 1024;

// sums[count / 16][rows][16] = x weight^T for `count` columns beginning with column `first`. The sums are not written to
// y directly, because rows whose distance is a power of two compete for the same cache lines.
template <class F>
void sum_products(const float* x, size_t rows, const Packed& weight, size_t first, size_t count, typename F::Operand* operands,
                  float* sums) {
    const auto* words = reinterpret_cast<const typename F::Word*>(weight.words);
    for (size_t begin = 0; begin < weight.in; begin += kDepthBlock * F::kDepth) {
        const size_t left = weight.in - begin, depth = left < kDepthBlock * F::kDepth ? left : kDepthBlock * F::kDepth;
        const size_t steps = (depth + F::kDepth - 1) / F::kDepth;
        const auto* panel = words + begin / F::kDepth * whole_lanes(weight.out) + first * steps;
        fill<F>(x + begin, weight.in, rows, depth, operands);
        for (size_t column = 0; column < count; column += kLanes, panel += steps * kLanes) {
            const char* next = reinterpret_cast<const char*>(panel + steps * kLanes);
            products<F>(operands, rows, panel, steps, sums + column * rows, kLanes, begin > 0, next);
        }
    }
}

// y[rows][count] = sums[count / 16][rows][16], or += if `add`; consecutive rows of y are `stride` apart.
void hand_over(const float* sums, size_t rows, size_t count, size_t stride, bool add, float* y) {
    for (size_t row = 0; row < rows; ++row, sums += kLanes, y += stride) {
        const float* from = sums;
        size_t column = 0;
        for (; column + kLanes <= count; column += kLanes, from += rows * kLanes)
            for (size_t p = 0; p < kLanes; p += kWidth) {
                const Floats sum = loaded<Floats>(from + p);
                stored(add ? loaded<Floats>(y + column + p) + sum : sum, y + column + p);
            }
        for (size_t j = 0; column + j < count; ++j) y[column + j] = add ? y[column + j] + from[j] : from[j];
    }
}

template <class F> void multiply(const float* x, size_t rows, const Packed& weight, bool add, float* y) {
    const size_t most = rows < kChunk ? rows : kChunk, widest = weight.out < kColumns ? weight.out : kColumns;
    Scratch<typename F::Operand> operands(most * kStride);
    Scratch<float> sums(most * whole_lanes(widest));
    for (size_t column = 0; column < weight.out; column += kColumns) {
        const size_t columns = weight.out - column < kColumns ? weight.out - column : kColumns;
        for (size_t first = 0; first < rows; first += kChunk) {
            const size_t count = rows - first < kChunk ? rows - first : kChunk;
            sum_products<F>(x + first * weight.in, count, weight, column, columns, operands.data(), sums.data());
            hand_over(sums.data(), count, columns, weight.out, add, y + first * weight.out + column);
        }
    }
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
        for (size_t d = 0; d < width; ++d) {
            const float gate = x[d], small = probability(gate < 0 ? gate : -gate, 0);  // exp(-|gate|)
            to[d] = gate * (gate < 0 ? small : 1.0f) / (1.0f + small) * x[width + d];
        }
}

}  // namespace

const DecoderLanes DecoderTables::LMSI_ISA = {{multiply<Single>, multiply<Pair>}, normalize, rotate, activate};

}  // namespace lmsi

// This file is compiled once per instruction set; see simd/lanes.inc.
#include "lanes.hpp"
#include "../simd/lanes.inc"
#include "../simd/products.inc"
#include "../simd/results.inc"

namespace lmsi {
namespace {

constexpr size_t kBatch = 512;  // rows whose inputs are converted at once
// The number of rows that are multiplied together: their inputs for a block of depth stay in L1, and their sums in L2.
constexpr size_t kChunk = 64;
// Bytes of weights by which all rows of a batch are multiplied before the next ones are read; half of Zen 4's L2.
constexpr size_t kResident = 512 << 10;

size_t lesser(size_t a, size_t b) { return a < b ? a : b; }

// The inputs of a product in its format, [spans of depth][rows][kStride]; a span consists of several blocks.
template <class F> struct Inputs {
    static constexpr size_t kSpan = kStride / kDepthBlock * kDepthBlock, kNumbers = kSpan * F::kDepth;
    Inputs(const float* x, size_t row_count, size_t width) : rows(row_count), operands((width + kNumbers - 1) / kNumbers * rows * kStride) {
        typename F::Operand* to = operands.data();
        for (size_t begin = 0; begin < width; begin += kNumbers, to += rows * kStride)
            fill<F>(x + begin, width, rows, lesser(width - begin, kNumbers), to);
    }
    // The inputs of a row from a block of depth on, which begins with step `step`.
    const typename F::Operand* at(size_t row, size_t step) const {
        return operands.data() + (step / kSpan * rows + row) * kStride + step % kSpan;
    }
    size_t rows;
    Scratch<typename F::Operand> operands;
};

// sums[count / 16][rows][16] = x weight^T for rows beginning with `row`, and `count` columns beginning with `first`. The sums are
// not written to y directly, because rows whose distance is a power of two compete for the same cache lines.
template <class F>
void sum_products(const Inputs<F>& x, size_t row, size_t rows, const Packed& weight, size_t first, size_t count, float* sums) {
    const size_t total = (weight.in + F::kDepth - 1) / F::kDepth;
    const auto* words = reinterpret_cast<const typename F::Word*>(weight.words) + first * total;
    for (size_t begin = 0; begin < total; begin += kDepthBlock) {
        const size_t steps = lesser(total - begin, kDepthBlock), after = begin + steps < total ? begin + steps : count * total;
        for (size_t column = 0; column < count; column += kLanes) {
            const auto* panel = words + column * total + begin * kLanes;
            const auto* next = column + kLanes < count ? panel + total * kLanes : words + after * kLanes;
            products<F>(x.at(row, begin), rows, panel, steps, sums + column * rows, kLanes, begin > 0, reinterpret_cast<const char*>(next));
        }
    }
}

// Computes x weight^T in parts, so that weights and sums stay in the cache. The results of a row are divided into kHalves equal
// parts, whose columns with the same index are computed together: take(sums, row, rows, column, count) receives `count` columns
// of each, sums [kHalves][count / 16][rows][16].
template <class F, size_t kHalves, class Take> void multiply_parts(const float* x, size_t rows, const Packed& weight, const Take& take) {
    const size_t half = weight.out / kHalves, bytes = (weight.in + F::kDepth - 1) / F::kDepth * sizeof(typename F::Word) * kLanes;
    const size_t fitting = kResident / kHalves / bytes, widest = (fitting > 0 ? fitting : 1) * kLanes;
    Scratch<float> sums(kHalves * kChunk * lesser(widest, whole_lanes(half)));
    for (size_t batch = 0; batch < rows; batch += kBatch) {
        const Inputs<F> inputs(x + batch * weight.in, lesser(rows - batch, kBatch), weight.in);
        for (size_t column = 0; column < half; column += widest)
            for (size_t row = 0; row < inputs.rows; row += kChunk) {
                const size_t count = lesser(half - column, widest), together = lesser(inputs.rows - row, kChunk);
                float* to = sums.data();
                for (size_t first = column; first < weight.out; first += half, to += together * whole_lanes(count))
                    sum_products<F>(inputs, row, together, weight, first, count, to);
                take(sums.data(), batch + row, together, column, count);
            }
    }
}

// y[rows][count] = sums[count / 16][rows][16], or +=; consecutive rows of y are `stride` apart.
void hand_over(const float* sums, size_t rows, size_t count, size_t stride, Results how, float* y) {
    for (size_t row = 0; row < rows; ++row, sums += kLanes, y += stride) {
        const float* from = sums;
        size_t column = 0;
        for (; column + kLanes <= count; column += kLanes, from += rows * kLanes)
            for (size_t p = 0; p < kLanes; p += kWidth) hand_over(loaded<Floats>(from + p), how, y + column + p);
        for (size_t j = 0; column + j < count; ++j) hand_over(from[j], how, y[column + j]);
    }
}

template <class F> void multiply(const float* x, size_t rows, const Packed& weight, bool add, float* y) {
    const Results how = results(add, rows, weight.out, y);
    multiply_parts<F, 1>(x, rows, weight, [&](const float* sums, size_t row, size_t count, size_t column, size_t columns) {
        hand_over(sums, count, columns, weight.out, how, y + row * weight.out + column);
    });
    handed_over(how);
}

// silu(gate) * up
inline float activated(float gate, float up) {
    const float small = probability(gate < 0 ? gate : -gate, 0);  // exp(-|gate|)
    return gate * (gate < 0 ? small : 1.0f) / (1.0f + small) * up;
}

template <class F> void multiply_gated(const float* x, size_t rows, const Packed& weight, float* y) {
    multiply_parts<F, 2>(x, rows, weight, [&](const float* sums, size_t row, size_t count, size_t column, size_t columns) {
        const float *gate = sums, *up = sums + count * columns;
        for (size_t i = 0; i < count; ++i) {
            float* to = y + (row + i) * (weight.out / 2) + column;
            for (size_t j = 0; j < columns; j += kLanes)
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

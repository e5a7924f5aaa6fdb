// Compiled once per instruction set, see simd/lanes.inc.
#include "lanes.hpp"
#include "../simd/lanes.inc"
#include "../simd/products.inc"

namespace lmsi {
namespace {

constexpr size_t kChunk = 64;  // rows at a time: their block of depth stays in L1, their sums in L2

// sums[out / 16][rows][16] = x weight^T. Not into y at once: rows of a power of two apart take the same places of the cache.
template <class F>
void sum_products(const float* x, size_t rows, const Packed& weight, typename F::Operand* operands, float* sums) {
    const auto* panel = reinterpret_cast<const typename F::Word*>(weight.words);
    for (size_t begin = 0; begin < weight.in; begin += kDepthBlock * F::kDepth) {
        const size_t left = weight.in - begin, depth = left < kDepthBlock * F::kDepth ? left : kDepthBlock * F::kDepth;
        const size_t steps = (depth + F::kDepth - 1) / F::kDepth;
        fill<F>(x + begin, weight.in, rows, depth, operands);
        for (size_t column = 0; column < weight.out; column += kLanes, panel += steps * kLanes) {
            const char* next = reinterpret_cast<const char*>(panel + steps * kLanes);
            products<F>(operands, rows, panel, steps, sums + column * rows, kLanes, begin > 0, next);
        }
    }
}

// y[rows][out] = or += sums[out / 16][rows][16]
void hand_over(const float* sums, size_t rows, size_t out, bool add, float* y) {
    for (size_t row = 0; row < rows; ++row, sums += kLanes, y += out) {
        const float* from = sums;
        size_t column = 0;
        for (; column + kLanes <= out; column += kLanes, from += rows * kLanes)
            for (size_t p = 0; p < kLanes; p += kWidth) {
                const Floats sum = loaded<Floats>(from + p);
                stored(add ? loaded<Floats>(y + column + p) + sum : sum, y + column + p);
            }
        for (size_t j = 0; column + j < out; ++j) y[column + j] = add ? y[column + j] + from[j] : from[j];
    }
}

template <class F> void multiply(const float* x, size_t rows, const Packed& weight, bool add, float* y) {
    const size_t most = rows < kChunk ? rows : kChunk;
    Lines<typename F::Operand> operands(most * kStride);
    Lines<float> sums(most * (weight.out + kLanes - 1));
    for (size_t first = 0; first < rows; first += kChunk) {
        const size_t count = rows - first < kChunk ? rows - first : kChunk;
        sum_products<F>(x + first * weight.in, count, weight, operands.data(), sums.data());
        hand_over(sums.data(), count, weight.out, add, y + first * weight.out);
    }
}

void normalize(const float* x, size_t rows, size_t width, const float* weight, float epsilon, float* to) {
    for (size_t row = 0; row < rows; ++row, x += width, to += width) {
        float lanes[kLanes] = {}, total = 0;
        for (size_t d = 0; d < width; ++d) lanes[d % kLanes] += x[d] * x[d];
        for (const float lane : lanes) total += lane;
        const float scale = 1 / __builtin_sqrtf(total / static_cast<float>(width) + epsilon);
        for (size_t d = 0; d < width; ++d) to[d] = x[d] * scale * weight[d];
    }
}

void rotate(float* x, size_t heads, size_t width, const float* cos, const float* sin) {
    const size_t half = width / 2;
    for (size_t head = 0; head < heads; ++head, x += width)
        for (size_t d = 0; d < half; ++d) {
            const float a = x[d], b = x[d + half];
            x[d] = a * cos[d] - b * sin[d];
            x[d + half] = b * cos[d + half] + a * sin[d + half];
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

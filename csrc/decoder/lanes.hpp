// The loops of a decoder's layers that are compiled once per instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../simd/products.hpp"

namespace lmsi {

constexpr size_t kDepthBlock = 64;  // steps of depth per partial sum; with 256, the logits of a deep model were off by 1.0e-5
static_assert(kStride >= kDepthBlock);

// A weight [out][in], stored as [out / 16][steps of depth][16] words and padded with zeros. A word is a float, or the two
// bfloat16 numbers of adjacent inputs.
struct Packed {
    const uint32_t* words;
    size_t in, out;
};

struct DecoderLanes {
    // y[rows][out] = x[rows][in] weight^T, or += if `add`. With bfloat16, x is rounded.
    void (*multiply[2])(const float* x, size_t rows, const Packed& weight, bool add, float* y);
    // y[rows][out / 2] = silu(gate) * up, where [gate, up] = x[rows][in] weight^T; out must be a multiple of 32.
    void (*multiply_gated[2])(const float* x, size_t rows, const Packed& weight, float* y);
    // x / sqrt(mean(x^2) + epsilon) * weight, for each row [width].
    void (*normalize)(const float* x, size_t rows, size_t width, const float* weight, float epsilon, float* to);
    // Rotates the pairs (x[d], x[d + width / 2]) of each head [width] by angles whose cos and sin are [width].
    void (*rotate)(float* x, size_t heads, size_t width, const float* cos, const float* sin);
    // silu(gate) * up for rows [gate width, up width] -> [width].
    void (*activate)(const float* x, size_t rows, size_t width, float* to);
};

// One table per instruction set.
struct DecoderTables {
    static const DecoderLanes scalar, avx2, avx512, avx512bf16;
};

}  // namespace lmsi

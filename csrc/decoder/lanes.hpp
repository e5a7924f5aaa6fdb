// The loops of a decoder's layers that are compiled once per instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../simd/products.hpp"
#include "../simd/results.hpp"

namespace lmsi {

constexpr size_t kDepthBlock = 64;  // steps of depth per partial sum; with 256, the logits of a deep model were off by 1.0e-5
static_assert(kStride >= kDepthBlock);

// A weight [out][in] in the order in which products read it: [groups of columns][blocks of depth][columns / 16][steps][16] words,
// padded with zeros. A word is a float, or the two bfloat16 numbers of adjacent inputs.
struct Packed {
    const uint32_t* words;
    size_t in, out;
    size_t group;  // columns of a group; the last group may be smaller
    bool halves;   // whether the columns of each group are from the first and from the second half of the weight, as many of each
};

struct DecoderLanes {
    // y[rows][out] = x[rows][in] weight^T, or +=. With bfloat16, x is rounded.
    void (*multiply[2])(const float* x, size_t rows, const Packed& weight, Results results, float* y);
    // y[rows][out / 2] = silu(gate) * up, where [gate, up] = x[rows][in] weight^T; needs `halves`.
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

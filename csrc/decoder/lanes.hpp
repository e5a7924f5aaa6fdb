// The loops of a decoder's layers that are compiled once per instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../simd/products.hpp"

namespace lmsi {

constexpr size_t kDepthBlock = 64;  // steps of depth summed at a time: with 256 the logits of a deep model were 1.0e-5 off
static_assert(kStride >= kDepthBlock);

// A weight [out][in] as [blocks of depth][out / 16][steps][16] words, padded with zeros: a word is a float, or two bfloat16
// of neighbouring inputs.
struct Packed {
    const uint32_t* words;
    size_t in, out;
};

struct DecoderLanes {
    // y[rows][out] = x[rows][in] weight^T, added to what is there if `add`; by format: bfloat16 rounds x.
    void (*multiply[2])(const float* x, size_t rows, const Packed& weight, bool add, float* y);
    // x / sqrt(mean(x^2) + epsilon) * weight, for each of the rows [width].
    void (*normalize)(const float* x, size_t rows, size_t width, const float* weight, float epsilon, float* to);
    // Pairs (x[d], x[d + width / 2]) of each head [width], turned by angles whose cos and sin are [width].
    void (*rotate)(float* x, size_t heads, size_t width, const float* cos, const float* sin);
    // silu(gate) * up, of rows [gate width, up width] -> [width].
    void (*activate)(const float* x, size_t rows, size_t width, float* to);
};

// One for each instruction set.
struct DecoderTables {
    static const DecoderLanes scalar, avx2, avx512, avx512bf16;
};

}  // namespace lmsi

// The product of a linear layer with int8 weights, which is compiled once per instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../simd/results.hpp"

namespace lmsi {

constexpr size_t kQuad = 4;         // inputs in a word of an int8 weight
constexpr size_t kRotated = 64;     // numbers that are rotated together
constexpr size_t kInt8Block = 192;  // inputs that are quantised with one scale, a multiple of kRotated

// The words of an output with this many inputs, which are padded to whole groups.
constexpr size_t quads(size_t in) { return (in + kRotated - 1) / kRotated * (kRotated / kQuad); }

// A weight [out][in], stored as [out / 16][quads(in)][16] words. A word contains the numbers q of 4 adjacent inputs as
// q + 128; 64 * q * scales[row] is the rotated weight.
struct PackedInt8 {
    const uint32_t* words;
    const float* scales;  // [out rounded up to 16]
    size_t in, out;
};

struct Int8Lanes {
    // y[rows][out] = x[rows][in] weight^T, or +=, with x quantised for each row and block. All instruction sets give
    // the same bits.
    void (*multiply)(const float* x, size_t rows, const PackedInt8& weight, Results results, float* y);
};

// One table per instruction set.
struct Int8Tables {
    static const Int8Lanes scalar, avx2, avx512, avx512bf16;
};

}  // namespace lmsi

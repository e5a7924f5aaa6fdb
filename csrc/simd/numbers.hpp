// The number formats that kernels read.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>

namespace lmsi {

enum class NumberFormat : uint8_t { float32, bfloat16 };

// The nearest bfloat16, ties to even; NaN stays NaN.
inline uint32_t bfloat16_of(float x) {
    const uint32_t bits = std::bit_cast<uint32_t>(x);
    return x == x ? (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16 : 0x7FC0;
}

inline float float_of(uint32_t bfloat16) { return std::bit_cast<float>(bfloat16 << 16); }

}  // namespace lmsi

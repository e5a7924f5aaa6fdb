// A linear layer's weight as int8 numbers with a scale for each output.
#pragma once

#include "int8_lanes.hpp"
#include "../simd/lines.hpp"
#include "../simd/numbers.hpp"

namespace lmsi {

// The layout is that of PackedInt8.
struct Int8Weight {
    Lines<uint32_t> words;
    Lines<float> scales;
};

// Quantises each row of a weight [out][in]; a row with NaN or inf makes its outputs NaN or inf.
Int8Weight quantised(const void* weight, NumberFormat format, size_t in, size_t out);

}  // namespace lmsi

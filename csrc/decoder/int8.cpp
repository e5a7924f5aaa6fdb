#include "int8.hpp"

#include <vector>

#include "../simd/lanes.inc"
#include "quantise.inc"

namespace lmsi {

Int8Weight quantised(const void* weight, NumberFormat format, size_t in, size_t out) {
    const size_t padded = whole_lanes(out), steps = quads(in);
    Int8Weight made{Lines<uint32_t>(padded * steps), Lines<float>(padded)};
    std::vector<float> given(in), rotated(steps * kQuad);
    std::vector<int8_t> q(steps * kQuad);
    for (size_t row = 0; row < out; ++row) {
        for (size_t k = 0; k < in; ++k)
            given[k] = format == NumberFormat::float32 ? static_cast<const float*>(weight)[row * in + k]
                                                       : float_of(static_cast<const uint16_t*>(weight)[row * in + k]);
        hadamard(given.data(), in, rotated.data());
        made.scales[row] = quantise(rotated.data(), q.size(), q.data()).scale / kRotated;
        uint32_t* to = &made.words[row / kLanes * steps * kLanes + row % kLanes];
        for (size_t k = 0; k < q.size(); ++k)
            reinterpret_cast<uint8_t*>(to + k / kQuad * kLanes)[k % kQuad] = static_cast<uint8_t>(q[k] + 128);
    }
    return made;
}

}  // namespace lmsi

// Numbers for tests that are the same on every machine.
#pragma once

#include <cstdint>
#include <vector>

#include "../sampling/sampling.hpp"

// Numbers in [-1, 1).
inline std::vector<float> numbers(size_t count, uint64_t stream) {
    std::vector<float> made(count);
    uint64_t counter[4] = {stream, 1, 2, 0};
    for (float& number : made) {
        number = static_cast<float>(lmsi::philox(counter) >> 40) / 8388608.0f - 1.0f;
        ++counter[3];
    }
    return made;
}

// The loops of the token sampler that are compiled once per instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../simd/lanes.hpp"

namespace lmsi {

constexpr int kWeightBits = 44;  // the likeliest token weighs 2^44, so that any vocabulary sums below 2^63
constexpr size_t kBlock = 256;   // values per weight total

struct Peak {
    float value;  // the largest logit
    bool nan;     // some logit is NaN
};

struct Sums {
    uint64_t total;     // of the integer weights
    double normalizer;  // sum(exp(value - max)); at temperature 1 the weights are its terms
};

// `row` points to float32 or bfloat16 values, as the table says.
struct SamplingLanes {
    // The maximum, and one maximum per group: group g of a tile holds every 16th of its 16 * depth values.
    Peak (*peak)(const void* row, size_t size, size_t depth, float* group_maxima);
    // sum(exp(value - max)): fp32 terms, 16 of them per lane, then double; same bits on every instruction set. Fetches
    // `next`, as many values, into the cache: the first look at a row waited for memory half as long as all the rest took.
    double (*normalizer)(const void* row, const void* next, size_t size, float max);
    // Integer weights summed per block of kBlock values, and the normalizer.
    Sums (*sums)(const void* row, const void* next, size_t size, float max, float scale, uint64_t* block_totals);
    // Ids and values of all values >= threshold, ascending ids; returns their count.
    size_t (*collect)(const void* row, size_t size, float threshold, uint32_t* ids, float* values);
    // The weight of each value.
    void (*weights)(const float* values, size_t size, float max, float scale, uint64_t* weights);
    // The value at each id of a range.
    void (*widen)(const void* row, size_t begin, size_t end, float* values);
};

// One for each instruction set, with an entry for each NumberFormat.
struct SamplingTables {
    static const SamplingLanes scalar[2], avx2[2], avx512[2], avx512bf16[2];
};

}  // namespace lmsi

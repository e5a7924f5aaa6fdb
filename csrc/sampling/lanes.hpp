// The loops of the token sampler that are compiled once per instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../simd/lanes.hpp"

namespace lmsi {

constexpr int kWeightBits = 44;  // the most likely token has weight 2^44, so that the weights of any vocabulary sum to less than 2^63
constexpr size_t kBlock = 256;   // number of values whose total weight is stored

struct Peak {
    float value;  // the largest logit
    bool nan;     // whether any logit is NaN
};

struct Sums {
    uint64_t total;     // of the integer weights
    double normalizer;  // sum(exp(value - max)); at temperature 1 the weights are its terms
};

// `row` points to float32 or bfloat16 values, according to the table.
struct SamplingLanes {
    // The maximum of the row and the maximum of each group. A tile of 16 * depth values has 16 groups: group g contains
    // every 16th value of the tile, beginning with value g.
    Peak (*peak)(const void* row, size_t size, size_t depth, float* group_maxima);
    // sum(exp(value - max)), with the same bits on every instruction set: each lane adds 16 terms in float32, and these
    // sums are added in double. Also prefetches the same number of values at `next`: without this, waiting for the first
    // access to a row took half as long as all other work.
    double (*normalizer)(const void* row, const void* next, size_t size, float max);
    // Integer weights, summed per block of kBlock values, and the normalizer.
    Sums (*sums)(const void* row, const void* next, size_t size, float max, float scale, uint64_t* block_totals);
    // Ids and values of all values >= threshold, by ascending id; returns their number.
    size_t (*collect)(const void* row, size_t size, float threshold, uint32_t* ids, float* values);
    // The weight of each value.
    void (*weights)(const float* values, size_t size, float max, float scale, uint64_t* weights);
    // The values of the ids from `begin` to `end` as float32.
    void (*widen)(const void* row, size_t begin, size_t end, float* values);
};

// One table per instruction set, with an entry for each NumberFormat.
struct SamplingTables {
    static const SamplingLanes scalar[2], avx2[2], avx512[2], avx512bf16[2];
};

}  // namespace lmsi

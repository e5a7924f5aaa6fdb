// Attention of packed training examples in bfloat16, forward and backward: softmax(scale Q K^T) V on trees of tokens.
//
// The specification is src/lmsi_kedro/training/attention.py. A row of tokens consists of segments; a token attends to itself,
// to the earlier tokens of its segment, and to all tokens of the segments that this one continues. Guarantees: a token's
// output depends on nothing else; sums are float32 on every instruction set, with different rounding; weights and the
// gradients of scores are rounded to bfloat16 before they are multiplied. Scores are never stored as a whole, and the backward
// pass computes them again. It allocates scratch memory once per call and starts no threads.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../simd/isa.hpp"

namespace lmsi {

constexpr size_t kMaxForestWidth = 256;  // maximum width of a head

// Tokens [start, start + length), which continue the segment with the index `before`; -1: none.
struct Segment {
    int64_t start, length, before;
};

// One head of keys and values, and the `groups` heads of queries that read it. The keys of token t are at keys + t *
// key_stride, its queries of group g at queries + t * query_stride + g * width. The width is a multiple of 16.
struct ForestHead {
    const uint16_t *queries, *keys, *values;
    size_t query_stride, key_stride, groups, width;
    float scale;
    const Segment* segments;
    size_t count;  // of segments
};

// The output is laid out like the queries; logs [tokens][groups] has the logarithm of each query's sum of exp(score).
struct ForestOutput {
    uint16_t* output;
    float* logs;
};

// Gradients; those of keys and values [tokens][width] are added to what is there.
struct ForestGradients {
    const uint16_t *output, *of_output;
    const float* logs;
    uint16_t* of_queries;
    float *of_keys, *of_values;
};

void attend_forest(const ForestHead& head, Isa isa, ForestOutput to);
void differentiate_forest(const ForestHead& head, Isa isa, ForestGradients to);

// The loops that are compiled once per instruction set; `which` is a segment.
struct ForestLanes {
    size_t (*bytes)(size_t width);  // of scratch memory
    void (*attend)(const ForestHead& head, size_t which, char* scratch, ForestOutput to);
    void (*differentiate)(const ForestHead& head, size_t which, char* scratch, ForestGradients to);
};

struct ForestTables {
    static const ForestLanes scalar, avx2, avx512, avx512bf16;
};

}  // namespace lmsi

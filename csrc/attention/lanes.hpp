// The loops of attention that are compiled once per instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../simd/lanes.hpp"
#include "../simd/products.hpp"

namespace lmsi {

constexpr size_t kMaxWidth = 256;  // of a head
constexpr size_t kTile = 16;   // queries that read a prefix together
constexpr size_t kKeys = 256;  // keys whose scores are held at a time
static_assert(kStride >= kKeys && kStride >= kMaxWidth);

// A prefix's keys and values of one head as panels of 16 columns: keys [length / 16][width][16], values
// [width / 16][padded][16], padded with zeros. In bfloat16 two steps of depth lie side by side: [depth / 2][16][2].
struct Panels {
    const void* keys;
    const void* values;
    size_t length, padded;
};

// What each query of a tile has read so far: the largest score, the sum of exp(score - peak), and that sum of values.
struct Reading {
    float* peak;
    float* sum;
    float* output;  // [queries][kStride]
};

// What is read after a prefix: regions of one size, fetched into the cache piece by piece while products keep the machine
// busy. The paths' own keys come from memory, which otherwise waits meanwhile.
struct Ahead {
    const char* regions[2 * kTile];
    size_t count, bytes;  // of regions, of each
    size_t region = 0, offset = 0;
};

// width is a multiple of 16 up to kMaxWidth; queries and scratch are [kTile][kStride]. Every query's result is the same bits
// in whatever tile it stands.
struct AttentionLanes {
    void (*read_prefix)(const float* queries, size_t count, size_t width, const Panels& prefix, Ahead& ahead, Reading reading,
                        float* scratch);
    // The queries of one path's new token against its own keys and values [length][width] in the table's format.
    void (*read_own)(const float* queries, size_t count, size_t width, const void* keys, const void* values, size_t length, ptrdiff_t apart,
                     Reading reading, float* scratch);
    // Keys or values, written in the table's format.
    void (*append)(const float* from, size_t count, void* to);
    void (*multiply)(const float* from, float factor, size_t count, float* to);
    void (*divide)(const float* from, float divisor, size_t count, float* to);
};

// One for each instruction set, with an entry for each NumberFormat.
struct AttentionTables {
    static const AttentionLanes scalar[2], avx2[2], avx512[2], avx512bf16[2];
};

}  // namespace lmsi

// The loops of attention that are compiled once per instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../simd/lanes.hpp"
#include "../simd/products.hpp"

namespace lmsi {

constexpr size_t kMaxWidth = 256;  // maximum width of a head
constexpr size_t kTile = 16;   // number of queries that read a prefix together
constexpr size_t kKeys = 256;  // number of keys whose scores are stored at a time
static_assert(kStride >= kKeys && kStride >= kMaxWidth);

// The keys and values of a prefix for one head, as panels of 16 columns: keys [length / 16][width][16], values [width /
// 16][padded][16], padded with zeros. In bfloat16, two steps of depth are adjacent: [depth / 2][16][2].
struct Panels {
    const void* keys;
    const void* values;
    size_t length, padded;
};

// The state of each query of a tile: the largest score so far, the sum of exp(score - peak), and the weighted sum of
// values.
struct Reading {
    float* peak;
    float* sum;
    float* output;  // [queries][kStride]
};

// The memory that will be read after a prefix, as regions of equal size. It is prefetched piece by piece during the
// matrix products: the paths' own keys come from main memory, which would otherwise be idle during the products.
struct Ahead {
    const char* regions[2 * kTile];
    size_t count, bytes;  // number of regions, and bytes of each
    size_t region = 0, offset = 0;
};

// width is a multiple of 16 up to kMaxWidth; queries and scratch are [kTile][kStride]. The result of a query has the
// same bits whichever tile contains the query.
struct AttentionLanes {
    void (*read_prefix)(const float* queries, size_t count, size_t width, const Panels& prefix, Ahead& ahead, Reading reading,
                        float* scratch);
    // Attention of the queries of one path's new token to the path's own keys and values [length][width], which are
    // stored in the table's number format. Prefetches the own keys and values of the next row, which begin `apart`
    // elements later.
    void (*read_own)(const float* queries, size_t count, size_t width, const void* keys, const void* values, size_t length, ptrdiff_t apart,
                     Reading reading, float* scratch);
    // Writes keys or values in the table's number format.
    void (*append)(const float* from, size_t count, void* to);
    void (*multiply)(const float* from, float factor, size_t count, float* to);
    void (*divide)(const float* from, float divisor, size_t count, float* to);
};

// One table per instruction set, with an entry for each NumberFormat.
struct AttentionTables {
    static const AttentionLanes scalar[2], avx2[2], avx512[2], avx512bf16[2];
};

}  // namespace lmsi

// This file is compiled once per instruction set; see simd/lanes.inc.
// For every query, terms are added in the order of the keys and of the width, so tiles do not affect the result. A
// multiplication may be fused with the addition after it.
#include "lanes.hpp"
#include "../simd/lanes.inc"
#include "../simd/products.inc"

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace lmsi {
namespace {

inline Floats floats_at(const float* from) { return loaded<Floats>(from); }
inline Floats floats_at(const uint16_t* from) {
#if defined(__AVX512F__)
    // GCC 12 would split __builtin_convertvector in two, and it warns about the intrinsic without a mask (GCC bug 105593).
    return low_half(__builtin_bit_cast(Words, _mm512_maskz_cvtepu16_epi32(0xffff, loaded<__m256i>(from))));
#else
    return low_half(__builtin_convertvector(loaded<Shorts>(from), Words));
#endif
}

// Returns the address of the next lines to prefetch. If no lines are left, returns `there`, which is then prefetched
// once more.
const char* taken(Ahead& ahead, size_t lines, const void* there) {
    if (ahead.region == ahead.count) return static_cast<const char*>(there);
    const char* next = ahead.regions[ahead.region] + ahead.offset;
    ahead.offset += lines * kLine;
    if (ahead.offset >= ahead.bytes) ahead.offset = 0, ++ahead.region;
    return next;
}

inline Floats larger(const Floats& a, const Floats& b) {
#if defined(__AVX512F__)
    // GCC 12 compiles the comparison to two instructions.
    return __builtin_bit_cast(Floats, _mm512_maskz_max_ps(0xffff, __builtin_bit_cast(__m512, a), __builtin_bit_cast(__m512, b)));
#else
    return a > b ? a : b;
#endif
}

// The largest of `least` and these scores [multiple of 16].
inline float peak_of(const float* scores, size_t count, float least) {
    Floats high = Floats{} + least;
    for (size_t i = 0; i < count; i += kWidth) high = larger(loaded<Floats>(scores + i), high);
    float top = least;
    for (size_t j = 0; j < kWidth; ++j) top = high[j] > top ? high[j] : top;
    return top;
}

// Turns scores [multiple of 16] into weights exp(score - peak), and returns their sum.
inline float weights_of(float* scores, size_t count, float peak) {
    Floats sums[kParts] = {};
    for (size_t i = 0; i < count; i += kLanes) {
        for (size_t j = 0; j < kLanes; ++j) scores[i + j] = probability(scores[i + j], peak);
        for (size_t p = 0; p < kParts; ++p) sums[p] += loaded<Floats>(scores + i + p * kWidth);
    }
    float total = 0;
    for (const Floats& part : sums)
        for (size_t j = 0; j < kWidth; ++j) total += part[j];
    return total;
}

// Turns the scores of each query into weights exp(score - peak), where the peak becomes the largest score so far, and
// rescales the sums that were computed with the old peak. Pads the weights with zeros to a multiple of 16. The queries
// take each step together, because one query's steps wait for each other.
void soften(float* scores, size_t queries, size_t count, const Reading& reading, size_t width) {
    const size_t padded = whole_lanes(count);
    float tops[kTile];
    for (size_t m = 0; m < queries; ++m) {
        float* row = scores + m * kStride;
        for (size_t i = count; i < padded; ++i) row[i] = kLowest;
        tops[m] = peak_of(row, padded, reading.peak[m]);
    }
    float totals[kTile];
    for (size_t m = 0; m < queries; ++m) totals[m] = weights_of(scores + m * kStride, padded, tops[m]);
    for (size_t m = 0; m < queries; ++m) {
        const float scale = probability(reading.peak[m], tops[m]);  // this is 2^-100 for the first keys, when the old sums are 0
        reading.peak[m] = tops[m];
        reading.sum[m] = reading.sum[m] * scale + totals[m];
        for (size_t d = 0; d < width; ++d) reading.output[m * kStride + d] *= scale;
    }
}

template <class F>
void read_prefix(const float* queries, size_t count, size_t width, const Panels& prefix, Ahead& ahead, Reading reading, float* scores) {
    using Word = typename F::Word;
    alignas(kLine) typename F::Operand operands[kTile * kStride], weights[kTile * kStride];
    const Word *key_panels = static_cast<const Word*>(prefix.keys), *value_panels = static_cast<const Word*>(prefix.values);
    fill<F>(queries, kStride, count, width, operands);
    for (size_t begin = 0; begin < prefix.length; begin += kKeys) {
        const size_t keys = prefix.length - begin < kKeys ? prefix.length - begin : kKeys;
        for (size_t k = 0; k < keys; k += kLanes) {
            const Word* panel = key_panels + (begin + k) * width / F::kDepth;
            const size_t steps = width / F::kDepth;
            products<F>(operands, count, panel, steps, scores + k, kStride, false, taken(ahead, steps, panel));
        }
        soften(scores, count, keys, reading, width);
        fill<F>(scores, kStride, count, keys, weights);
        for (size_t d = 0; d < width; d += kLanes) {
            const Word* panel = value_panels + (d * prefix.padded + begin * kLanes) / F::kDepth;
            const size_t steps = (keys + F::kDepth - 1) / F::kDepth;
            products<F>(weights, count, panel, steps, reading.output + d, kStride, true, taken(ahead, steps, panel));
        }
    }
}

// The sums of kWidth vectors, in a fixed order: neighbours are added until one vector is left.
inline Floats sums_of(Floats* vectors) {
    for (size_t left = kWidth / 2; left > 0; left /= 2)
        for (size_t j = 0; j < left; ++j) {
            const Floats a = vectors[2 * j], b = vectors[2 * j + 1];
#if defined(__AVX512F__)
            vectors[j] = __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30) +
                         __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
#elif defined(__AVX2__)
            vectors[j] = __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14) +
                         __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15);
#else
            vectors[j] = __builtin_shufflevector(a, b, 0, 2, 4, 6) + __builtin_shufflevector(a, b, 1, 3, 5, 7);
#endif
        }
    return vectors[0];
}

// The scores of G queries with `count` keys; the scores after them, up to a multiple of kWidth, must not be read. Also
// prefetches the keys at `next`.
template <size_t G, class T> void score(const float* queries, const T* keys, size_t count, size_t width, const T* next, float* scores) {
    Floats dots[G][kWidth];
    for (size_t k = 0; k < count; k += kWidth) {
        for (size_t j = 0; j < kWidth; ++j) {
            const size_t key = (k + j < count ? k + j : count - 1) * width;
            for (size_t d = 0; d < width; d += kLine / sizeof(T)) __builtin_prefetch(next + key + d, 0, 2);
            Floats dot[G] = {};
            for (size_t d = 0; d < width; d += kWidth) {
                const Floats numbers = floats_at(keys + key + d);
                for (size_t g = 0; g < G; ++g) dot[g] += loaded<Floats>(queries + g * kStride + d) * numbers;
            }
            for (size_t g = 0; g < G; ++g) dots[g][j] = dot[g];
        }
        for (size_t g = 0; g < G; ++g) stored(sums_of(dots[g]), scores + g * kStride + k);
    }
}

// Adds to P * kWidth columns of G queries' output the values [count][width], multiplied by the queries' weights.
template <size_t G, size_t P, class T>
inline void weigh(const float* weights, const T* values, size_t count, size_t width, const T* next, float* output) {
    Floats sum[G][P];
    for (size_t g = 0; g < G; ++g)
        for (size_t p = 0; p < P; ++p) sum[g][p] = loaded<Floats>(output + g * kStride + p * kWidth);
    for (size_t k = 0; k < count; ++k, values += width, next += width) {
        for (size_t p = 0; p < P; ++p) {
            if (p * kWidth % (kLine / sizeof(T)) == 0) __builtin_prefetch(next + p * kWidth, 0, 2);
            const Floats numbers = floats_at(values + p * kWidth);
            for (size_t g = 0; g < G; ++g) sum[g][p] += weights[g * kStride + k] * numbers;
        }
    }
    for (size_t g = 0; g < G; ++g)
        for (size_t p = 0; p < P; ++p) stored(sum[g][p], output + g * kStride + p * kWidth);
}

constexpr size_t kGroup = 4;                       // number of queries that read own keys together
constexpr size_t kColumns = kWidth == 16 ? 4 : 2;  // so that their sums fit into registers

// Attention of queries to a block of own keys and values, in groups of G queries.
template <class T, size_t G = kGroup>
void read_block(const float* queries, size_t queries_count, size_t width, const T* keys, const T* values, size_t count, ptrdiff_t apart,
                Reading reading, float* scores) {
    for (; queries_count >= G; queries_count -= G, queries += G * kStride, scores += G * kStride) {
        score<G>(queries, keys, count, width, keys + apart, scores);
        soften(scores, G, count, reading, width);
        size_t d = 0;
        for (; d + kColumns * kWidth <= width; d += kColumns * kWidth)
            weigh<G, kColumns>(scores, values + d, count, width, values + apart + d, reading.output + d);
        for (; d < width; d += kWidth) weigh<G, 1>(scores, values + d, count, width, values + apart + d, reading.output + d);
        reading = {reading.peak + G, reading.sum + G, reading.output + G * kStride};
    }
    if constexpr (G > 1) read_block<T, G - 1>(queries, queries_count, width, keys, values, count, apart, reading, scores);
}

template <class T>
void read_own(const float* queries, size_t count, size_t width, const void* key_data, const void* value_data, size_t length,
              ptrdiff_t apart, Reading reading, float* scores) {
    const T* keys = static_cast<const T*>(key_data);
    const T* values = static_cast<const T*>(value_data);
    for (size_t begin = 0; begin < length; begin += kKeys) {
        const size_t keys_count = length - begin < kKeys ? length - begin : kKeys;
        read_block(queries, count, width, keys + begin * width, values + begin * width, keys_count, apart, reading, scores);
    }
}

void write(const float* from, size_t count, float* to) { __builtin_memcpy(to, from, count * sizeof(float)); }
void write(const float* from, size_t count, uint16_t* to) {
    size_t i = 0;
    for (; i + kWidth <= count; i += kWidth) stored(__builtin_convertvector(rounded(loaded<Floats>(from + i)) >> 16, Shorts), to + i);
    for (; i < count; ++i) to[i] = static_cast<uint16_t>(bfloat16_of(from[i]));
}
template <class T> void append(const float* from, size_t count, void* to) { write(from, count, static_cast<T*>(to)); }

void multiply(const float* from, float factor, size_t count, float* to) {
    for (size_t i = 0; i < count; ++i) to[i] = from[i] * factor;
}

void divide(const float* from, float divisor, size_t count, float* to) {
    for (size_t i = 0; i < count; ++i) to[i] = from[i] / divisor;
}

}  // namespace

const AttentionLanes AttentionTables::LMSI_ISA[2] = {{read_prefix<Single>, read_own<float>, append<float>, multiply, divide},
                                                     {read_prefix<Pair>, read_own<uint16_t>, append<uint16_t>, multiply, divide}};

}  // namespace lmsi

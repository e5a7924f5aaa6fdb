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

// The numbers at `from` as floats; bfloat16 numbers are converted into `block`. Also prefetches `count` numbers at
// `next`.
inline const float* unpacked(const float* from, size_t count, const float* next, float*) {
    for (size_t i = 0; i < count; i += kLine / sizeof(float)) __builtin_prefetch(next + i, 0, 2);
    return from;
}
inline const float* unpacked(const uint16_t* from, size_t count, const uint16_t* next, float* block) {
    for (size_t i = 0; i < count; i += kWidth) {
        __builtin_prefetch(next + i, 0, 2);
#if defined(__AVX512F__)
        // GCC 12 would split __builtin_convertvector in two, and it warns about the intrinsic without a mask (GCC bug
        // 105593).
        const __m512i whole = _mm512_maskz_cvtepu16_epi32(0xffff, loaded<__m256i>(from + i));
        const Words words = __builtin_bit_cast(Words, whole);
#else
        const Words words = __builtin_convertvector(loaded<Shorts>(from + i), Words);
#endif
        stored(low_half(words), block + i);
    }
    return block;
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

// Turns scores into weights exp(score - peak), where `peak` becomes the largest score so far, and rescales the sums that
// were computed with the old peak. Pads the weights with zeros to a multiple of 16.
void soften(float* scores, size_t count, float& peak, float& sum, float* output, size_t width) {
    const size_t padded = whole_lanes(count);
    for (size_t i = count; i < padded; ++i) scores[i] = kLowest;
    Floats high = Floats{} + kLowest;
    for (size_t i = 0; i < padded; i += kWidth) {
        const Floats next = loaded<Floats>(scores + i);
        high = next > high ? next : high;
    }
    float top = peak;
    for (size_t j = 0; j < kWidth; ++j) top = high[j] > top ? high[j] : top;
    float lanes[kLanes] = {};
    for (size_t i = 0; i < padded; i += kLanes) {
        for (size_t j = 0; j < kLanes; ++j) {
            scores[i + j] = probability(scores[i + j], top);
            lanes[j] += scores[i + j];
        }
    }
    float total = 0;
    for (size_t j = 0; j < kLanes; ++j) total += lanes[j];
    const float scale = probability(peak, top);  // this is 2^-100 for the first keys, when the old sums are 0
    peak = top;
    sum = sum * scale + total;
    for (size_t d = 0; d < width; ++d) output[d] *= scale;
}

template <class F>
void read_prefix(const float* queries, size_t count, size_t width, const Panels& prefix, Ahead& ahead, Reading reading, float* scores) {
    using Word = typename F::Word;
    alignas(kLine) typename F::Operand operands[kTile * kStride];
    const Word *key_panels = static_cast<const Word*>(prefix.keys), *value_panels = static_cast<const Word*>(prefix.values);
    for (size_t begin = 0; begin < prefix.length; begin += kKeys) {
        const size_t keys = prefix.length - begin < kKeys ? prefix.length - begin : kKeys;
        fill<F>(queries, kStride, count, width, operands);
        for (size_t k = 0; k < keys; k += kLanes) {
            const Word* panel = key_panels + (begin + k) * width / F::kDepth;
            const size_t steps = width / F::kDepth;
            products<F>(operands, count, panel, steps, scores + k, kStride, false, taken(ahead, steps, panel));
        }
        for (size_t m = 0; m < count; ++m)
            soften(scores + m * kStride, keys, reading.peak[m], reading.sum[m], reading.output + m * kStride, width);
        fill<F>(scores, kStride, count, keys, operands);
        for (size_t d = 0; d < width; d += kLanes) {
            const Word* panel = value_panels + (d * prefix.padded + begin * kLanes) / F::kDepth;
            const size_t steps = (keys + F::kDepth - 1) / F::kDepth;
            products<F>(operands, count, panel, steps, reading.output + d, kStride, true, taken(ahead, steps, panel));
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

// output[P * kWidth] += weights[count] values[count][width]
template <size_t P> inline void weigh(const float* weights, const float* values, size_t count, size_t width, float* output) {
    Floats sum[P];
    for (size_t p = 0; p < P; ++p) sum[p] = loaded<Floats>(output + p * kWidth);
    for (size_t k = 0; k < count; ++k, values += width)
        for (size_t p = 0; p < P; ++p) sum[p] += weights[k] * loaded<Floats>(values + p * kWidth);
    for (size_t p = 0; p < P; ++p) stored(sum[p], output + p * kWidth);
}

// The scores of a query with the first `count` of kWidth keys; the other scores must not be read.
inline Floats scores_of(const float* query, const float* keys, size_t count, size_t width) {
    Floats dots[kWidth];
    for (size_t j = 0; j < kWidth; ++j) {
        const float* key = keys + (j < count ? j : count - 1) * width;
        dots[j] = Floats{};
        for (size_t d = 0; d < width; d += kWidth) dots[j] += loaded<Floats>(query + d) * loaded<Floats>(key + d);
    }
    return sums_of(dots);
}

template <class T>
void read_own(const float* queries, size_t queries_count, size_t width, const void* key_data, const void* value_data, size_t length,
              ptrdiff_t apart, Reading reading, float* scores) {
    alignas(kLine) float block[kLanes * kMaxWidth];
    const T* keys = static_cast<const T*>(key_data);
    const T* values = static_cast<const T*>(value_data);
    for (size_t begin = 0; begin < length; begin += kKeys, keys += kKeys * width, values += kKeys * width) {
        const size_t count = length - begin < kKeys ? length - begin : kKeys;
        for (size_t k = 0; k < count; k += kWidth) {
            const size_t some = count - k < kWidth ? count - k : kWidth;
            const float* rows = unpacked(keys + k * width, some * width, keys + apart + k * width, block);
            for (size_t m = 0; m < queries_count; ++m)
                stored(scores_of(queries + m * kStride, rows, some, width), scores + m * kStride + k);
        }
        for (size_t m = 0; m < queries_count; ++m)
            soften(scores + m * kStride, count, reading.peak[m], reading.sum[m], reading.output + m * kStride, width);
        for (size_t k = 0; k < count; k += kLanes) {
            const size_t some = count - k < kLanes ? count - k : kLanes;
            const float* rows = unpacked(values + k * width, some * width, values + apart + k * width, block);
            for (size_t m = 0; m < queries_count; ++m) {
                const float* weights = scores + m * kStride + k;
                float* output = reading.output + m * kStride;
                size_t d = 0;
                for (; d + 4 * kWidth <= width; d += 4 * kWidth) weigh<4>(weights, rows + d, some, width, output + d);
                for (; d < width; d += kWidth) weigh<1>(weights, rows + d, some, width, output + d);
            }
        }
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

// Compiled once per instruction set, see simd/lanes.inc.
// Sums run in the order of keys and of widths for every query, so tiles decide nothing; products and sums may be fused.
#include "lanes.hpp"
#include "../simd/lanes.inc"
#include "../simd/products.inc"

namespace lmsi {
namespace {

inline Floats values_at(const float* at) { return loaded<Floats>(at); }
inline Floats values_at(const uint16_t* at) {
    typedef uint16_t Shorts __attribute__((vector_size(kWidth * sizeof(uint16_t))));
    return low_half(__builtin_convertvector(loaded<Shorts>(at), Words));
}

// The next lines to fetch; where nothing is left, some that are there.
const char* taken(Ahead& ahead, size_t lines, const void* there) {
    if (ahead.region == ahead.count) return static_cast<const char*>(there);
    const char* next = ahead.regions[ahead.region] + ahead.offset;
    ahead.offset += lines * kLine;
    if (ahead.offset >= ahead.bytes) ahead.offset = 0, ++ahead.region;
    return next;
}

// Turns scores into weights exp(score - peak) under a new common peak, and scales what was summed under the old one.
// Pads the scores to a multiple of 16 with weights that count for nothing.
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
    const float scale = probability(peak, top);  // 2^-100 of nothing at the first keys
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

// The sum of each of kWidth vectors, in order: neighbours are added until one vector is left.
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
template <size_t P, class T>
inline void weigh(const float* weights, const T* values, size_t count, size_t width, float* output) {
    Floats sum[P];
    for (size_t p = 0; p < P; ++p) sum[p] = loaded<Floats>(output + p * kWidth);
    for (size_t k = 0; k < count; ++k, values += width)
        for (size_t p = 0; p < P; ++p) sum[p] += weights[k] * values_at(values + p * kWidth);
    for (size_t p = 0; p < P; ++p) stored(sum[p], output + p * kWidth);
}

template <class T>
void read_own(const float* query, size_t width, const void* key_data, const void* value_data, size_t length, Reading reading,
              float* scratch) {
    const T* keys = static_cast<const T*>(key_data);
    const T* values = static_cast<const T*>(value_data);
    for (size_t begin = 0; begin < length; begin += kKeys, keys += kKeys * width, values += kKeys * width) {
        const size_t count = length - begin < kKeys ? length - begin : kKeys;
        for (size_t k = 0; k < count; k += kWidth) {
            Floats dots[kWidth];
            for (size_t j = 0; j < kWidth; ++j) {
                const T* key = keys + (k + j < count ? k + j : count - 1) * width;
                dots[j] = Floats{};
                for (size_t d = 0; d < width; d += kWidth) dots[j] += loaded<Floats>(query + d) * values_at(key + d);
            }
            stored(sums_of(dots), scratch + k);
        }
        soften(scratch, count, *reading.peak, *reading.sum, reading.output, width);
        size_t d = 0;
        for (; d + 4 * kWidth <= width; d += 4 * kWidth) weigh<4>(scratch, values + d, count, width, reading.output + d);
        for (; d < width; d += kWidth) weigh<1>(scratch, values + d, count, width, reading.output + d);
    }
}

}  // namespace

const AttentionLanes AttentionTables::LMSI_ISA[2] = {{read_prefix<Single>, read_own<float>}, {read_prefix<Pair>, read_own<uint16_t>}};

}  // namespace lmsi

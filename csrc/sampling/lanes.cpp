// This file is compiled once per instruction set; see simd/lanes.inc. Every rounding is explicit: multiplications and
// additions are fused only where fma is written, so that all instruction sets compute the same bits.
#include "../simd/lanes.inc"
#include "lanes.hpp"

namespace lmsi {
namespace {

constexpr size_t kStrip = 128;  // number of values that are tested together before any is stored
constexpr int kUpperBits = 26, kLowerBits = kWeightBits - kUpperBits;

// Calls work(values, begin) for every 16 values; the last group is padded with -inf, whose weight is 0.
template <class T, class Work> inline void by_lanes(const T* row, size_t begin, size_t end, Work work) {
    float lane[kLanes];
    size_t i = begin;
    for (; i + kLanes <= end; i += kLanes) {
        for (size_t j = 0; j < kLanes; ++j) lane[j] = value_at(row, i + j);
        work(lane, i);
    }
    if (i == end) return;
    for (size_t j = 0; j < kLanes; ++j) lane[j] = i + j < end ? value_at(row, i + j) : kLowest;
    work(lane, i);
}

// Maps floats to integers in the same order: -NaN, -inf, ..., +inf, NaN. The function is its own inverse.
template <class Bits> inline Bits ordered(Bits bits) { return bits ^ ((bits >> 31) & INT32_MAX); }

constexpr int32_t kInfinite = 0x7F800000, kLowestOrder = ~kInfinite;  // the orders of +inf and of -inf

// 2^kUpperBits * 2^((value - max) * scale); if this is below the smallest weight, truncation makes it 0. The reference
// rounds the exponent without adding the bias; because the bias is even, ties are rounded to the same side here.
inline float weight_of(float value, float max, float scale) { return power<kUpperBits>(no_less<uint32_t>((value - max) * scale, -64.0f)); }

// floor(2^kWeightBits * 2^...) as two integers, because AVX2 cannot convert floats to 64-bit integers.
inline uint32_t upper(float weight) { return static_cast<uint32_t>(static_cast<int32_t>(weight)); }
inline uint32_t lower(float weight) {
    const float rest = weight - static_cast<float>(static_cast<int32_t>(weight));
    return static_cast<uint32_t>(static_cast<int32_t>(rest * (1 << kLowerBits)));
}
inline uint64_t joined(uint32_t high, uint32_t low) { return (static_cast<uint64_t>(high) << kLowerBits) + low; }

// The compiler vectorises loops over lanes only if it does not unroll them. Unrolled, these loops took 10 % of the time
// of a row.
template <class Number> Number sum_of(const Number* lanes) {
    Number sum = 0;
#pragma GCC unroll 1
    for (size_t j = 0; j < kLanes; ++j) sum += lanes[j];
    return sum;
}

__attribute__((noinline)) uint64_t joined_sum(const uint32_t* high, const uint32_t* low) {
    uint64_t sum = 0;
#pragma GCC unroll 1
    for (size_t j = 0; j < kLanes; ++j) sum += joined(high[j], low[j]);
    return sum;
}

inline void add(double* sums, const float* terms) {
#pragma GCC unroll 1
    for (size_t j = 0; j < kLanes; ++j) sums[j] += static_cast<double>(terms[j]);
}

template <class T> Peak peak(const void* data, size_t size, size_t depth, float* group_maxima) {
    const T* row = static_cast<const T*>(data);
    const size_t tile = kLanes * depth;
    Integers top = Integers{} + kLowestOrder, bottom = Integers{} + kInfinite;
    for (size_t begin = 0; begin < size; begin += tile) {
        Integers high[kParts];
        for (Integers& part : high) part = Integers{} + kLowestOrder;
        by_lanes(row, begin, begin + tile < size ? begin + tile : size, [&](const float* lane, size_t) {
            for (size_t p = 0; p < kParts; ++p) {
                const Integers order = ordered(loaded<Integers>(lane + p * kWidth));
                high[p] = order > high[p] ? order : high[p];
                bottom = order < bottom ? order : bottom;
            }
        });
        for (size_t p = 0; p < kParts; ++p, group_maxima += kWidth) {
            top = high[p] > top ? high[p] : top;
            const Integers bits = ordered(high[p]);
            __builtin_memcpy(group_maxima, &bits, sizeof bits);
        }
    }
    int32_t most = kLowestOrder, least = kInfinite;
    for (size_t j = 0; j < kWidth; ++j) {
        most = top[j] > most ? top[j] : most;
        least = bottom[j] < least ? bottom[j] : least;
    }
    return {__builtin_bit_cast(float, ordered(most)), most > kInfinite || least < kLowestOrder};
}

template <class T> double normalizer(const void* data, const void* next, size_t size, float max) {
    const T* row = static_cast<const T*>(data);
    double sum[kLanes] = {};
    for (size_t begin = 0; begin < size; begin += kBlock) {
        float block[kLanes] = {};
        by_lanes(row, begin, begin + kBlock < size ? begin + kBlock : size, [&](const float* lane, size_t i) {
            __builtin_prefetch(static_cast<const T*>(next) + i, 0, 2);
            for (size_t j = 0; j < kLanes; ++j) block[j] += probability(lane[j], max);
        });
        add(sum, block);
    }
    return sum_of(sum);
}

// kOther: the temperature is not 1, so the terms of the normalizer differ from the weights.
template <class T, bool kOther>
Sums sums_of(const T* row, const T* next, size_t size, float max, float scale, uint64_t* block_totals) {
    uint64_t total = 0;
    double normal[kLanes] = {};
    for (size_t begin = 0; begin < size; begin += kBlock) {
        uint32_t high[kLanes] = {}, low[kLanes] = {};  // sums of kBlock / kLanes terms: at most 2^30
        float terms[kLanes] = {};
        by_lanes(row, begin, begin + kBlock < size ? begin + kBlock : size, [&](const float* lane, size_t i) {
            __builtin_prefetch(next + i, 0, 2);
            for (size_t j = 0; j < kLanes; ++j) {
                const float weight = weight_of(lane[j], max, scale);
                high[j] += upper(weight);
                low[j] += lower(weight);
                if constexpr (kOther) terms[j] += probability(lane[j], max);
            }
        });
        const uint64_t block = joined_sum(high, low);
        add(normal, terms);
        *block_totals++ = block;
        total += block;
    }
    return {total, kOther ? sum_of(normal) : static_cast<double>(total) / (uint64_t{1} << kWeightBits)};
}

template <class T> Sums sums(const void* data, const void* next, size_t size, float max, float scale, uint64_t* block_totals) {
    const auto work = scale == static_cast<float>(kLog2E) ? sums_of<T, false> : sums_of<T, true>;
    return work(static_cast<const T*>(data), static_cast<const T*>(next), size, max, scale, block_totals);
}

template <class T> size_t collect(const void* data, size_t size, float threshold, uint32_t* ids, float* values) {
    const T* row = static_cast<const T*>(data);
    size_t count = 0;
    for (size_t begin = 0; begin < size; begin += kStrip) {
        const size_t end = begin + kStrip < size ? begin + kStrip : size;
        Integers hits{};
        by_lanes(row, begin, end, [&](const float* lane, size_t) {
            for (size_t p = 0; p < kParts; ++p) hits |= loaded<Floats>(lane + p * kWidth) >= threshold;
        });
        int32_t any = 0;
        for (size_t j = 0; j < kWidth; ++j) any |= hits[j];
        if (any == 0) continue;
        for (size_t i = begin; i < end; ++i) {
            ids[count] = static_cast<uint32_t>(i);
            values[count] = value_at(row, i);
            count += values[count] >= threshold;
        }
    }
    return count;
}

void weights(const float* values, size_t size, float max, float scale, uint64_t* out) {
    for (size_t i = 0; i < size; ++i) {
        const float weight = weight_of(values[i], max, scale);
        out[i] = joined(upper(weight), lower(weight));
    }
}

template <class T> void widen(const void* data, size_t begin, size_t end, float* values) {
    for (size_t i = begin; i < end; ++i) values[i - begin] = value_at(static_cast<const T*>(data), i);
}

template <class T> constexpr SamplingLanes lanes_of() { return {peak<T>, normalizer<T>, sums<T>, collect<T>, weights, widen<T>}; }

}  // namespace

const SamplingLanes SamplingTables::LMSI_ISA[2] = {lanes_of<float>(), lanes_of<uint16_t>()};

}  // namespace lmsi

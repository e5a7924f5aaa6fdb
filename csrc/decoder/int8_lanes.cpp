// This file is compiled once per instruction set; see simd/lanes.inc.
#include "int8_lanes.hpp"
#include "../simd/lanes.inc"
#include "quantise.inc"
#include "../simd/results.inc"

namespace lmsi {
namespace {

constexpr size_t kSteps = kInt8Block / kQuad;
constexpr size_t kResident = 512 << 10;  // bytes of weights that are multiplied by all rows, before the next ones; half of Zen 4's L2
constexpr size_t kAhead = 4096;          // bytes between a word and what is prefetched with it

// Four adjacent inputs of a row.
#if defined(__AVX512VNNI__)
struct Operand {
    int8_t numbers[kQuad];
};
inline void fill(const int8_t* q, size_t count, Operand* to) {
    for (size_t k = 0; k < count; k += kRotated) __builtin_memcpy(to + k / kQuad, q + k, kRotated);
}
#else
struct Operand {
    int16_t even[2], odd[2];
};
inline void fill(const int8_t* q, size_t count, Operand* to) {
    for (size_t k = 0; k < count; k += kQuad) *to++ = {{q[k], q[k + 2]}, {q[k + 1], q[k + 3]}};
}

// The sum of the products of the two int16 in each word.
inline Integers pairs(const Integers& a, const Integers& b) {
#if defined(__AVX512BW__)
    return __builtin_bit_cast(Integers, _mm512_madd_epi16(__builtin_bit_cast(__m512i, a), __builtin_bit_cast(__m512i, b)));
#elif defined(__AVX2__)
    return __builtin_bit_cast(Integers, _mm256_madd_epi16(__builtin_bit_cast(__m256i, a), __builtin_bit_cast(__m256i, b)));
#else
    return (a << 16 >> 16) * (b << 16 >> 16) + (a >> 16) * (b >> 16);
#endif
}
#endif

// Adds to the sum of each lane the product of its four weights and the four inputs.
inline Integers plus(Integers sum, const Operand& a, const Words& column) {
#if defined(__AVX512VNNI__)
    // Inline, as in Pair::plus: with the intrinsic, GCC 12 stores every sum to memory after each step.
    __asm__("vpdpbusd %2%{1to16%}, %1, %0" : "+v"(sum) : "v"(column), "m"(a));
    return sum;
#else
    const Integers even = Integers{} + loaded<int32_t>(a.even), odd = Integers{} + loaded<int32_t>(a.odd);
    const Words low = column & 0x00FF00FFu, high = column >> 8 & 0x00FF00FFu;
    return sum + pairs(__builtin_bit_cast(Integers, low), even) + pairs(__builtin_bit_cast(Integers, high), odd);
#endif
}

// A block of rotated inputs of a row is scale * q. Sums start at -128 sum(q), because weights are stored as q + 128.
struct Block {
    float scale;
    int32_t start;
};

Block converted(const float* x, size_t depth, Operand* to) {
    alignas(kLine) float rotated[kInt8Block];
    alignas(kLine) int8_t q[kInt8Block];
    const size_t count = quads(depth) * kQuad;
    hadamard(x, depth, rotated);
    const Quantised made = quantise(rotated, count, q);
    fill(q, count, to);
    return {made.scale, -128 * made.sum};
}

// Quantised inputs, [blocks][rows].
struct Inputs {
    Inputs(const float* x, size_t row_count, size_t width)
        : rows(row_count), count((width + kInt8Block - 1) / kInt8Block), operands(count * rows * kSteps), blocks(count * rows) {
        Block* block = blocks.data();
        Operand* to = operands.data();
        for (size_t begin = 0; begin < width; begin += kInt8Block)
            for (size_t row = 0; row < rows; ++row, to += kSteps)
                *block++ = converted(x + row * width + begin, width - begin < kInt8Block ? width - begin : kInt8Block, to);
    }
    size_t rows, count;
    Scratch<Operand> operands;
    Scratch<Block> blocks;
};

// Calls take(m, p, scale * a[m] panel[steps][part p of 16]) for M rows and all parts.
template <size_t M, class Take>
inline void multiply_block(const Operand* a, const Block* blocks, const uint32_t* panel, size_t steps, const Take& take) {
    Integers sum[M][kParts];
    for (size_t m = 0; m < M; ++m)
        for (size_t p = 0; p < kParts; ++p) sum[m][p] = Integers{} + blocks[m].start;
    for (size_t k = 0; k < steps; ++k, panel += kLanes) {
        __builtin_prefetch(reinterpret_cast<const char*>(panel) + kAhead, 0, 2);
        Words column[kParts];
        for (size_t p = 0; p < kParts; ++p) column[p] = loaded<Words>(panel + p * kWidth);
        for (size_t m = 0; m < M; ++m)
            for (size_t p = 0; p < kParts; ++p) sum[m][p] = plus(sum[m][p], a[m * kSteps + k], column[p]);
    }
// Unrolled as in products.inc, so that the sums stay in registers.
#pragma GCC unroll 16
    for (size_t m = 0; m < M; ++m)
        for (size_t p = 0; p < kParts; ++p) take(m, p, __builtin_convertvector(sum[m][p], Floats) * blocks[m].scale);
}

// The sums over blocks, c[M][16]; `add` is false for the first block. This function and the next one are not inlined, because
// sums of int32 and float would not fit into registers together.
template <size_t M>
__attribute__((noinline)) void add_block(const Operand* a, const Block* blocks, const uint32_t* panel, size_t steps, bool add, float* c) {
    multiply_block<M>(a, blocks, panel, steps, [=](size_t m, size_t p, const Floats& product) {
        float* at = c + m * kLanes + p * kWidth;
        const Floats sum = add ? loaded<Floats>(at) + product : product;
        __builtin_memcpy(at, &sum, sizeof sum);
    });
}

// Where the results of a tile are stored: the distance of rows in y, and the scales of the columns.
struct Target {
    float* y;
    size_t stride;
    const float* scales;
    Results how;
};

// The last block: writes the sums over all blocks.
template <size_t M>
__attribute__((noinline)) void write_block(const Operand* a, const Block* blocks, const uint32_t* panel, size_t steps, bool add,
                                           const float* c, const Target& to) {
    multiply_block<M>(a, blocks, panel, steps, [&](size_t m, size_t p, const Floats& product) {
        const Floats sum = add ? loaded<Floats>(c + m * kLanes + p * kWidth) + product : product;
        store(sum * loaded<Floats>(to.scales + p * kWidth), to.how, to.y + m * to.stride + p * kWidth);
    });
}

// Multiplies M rows by 16 columns.
template <size_t M> void multiply_tile(const Inputs& x, size_t row, const PackedInt8& weight, size_t column, const Target& to) {
    const size_t steps = quads(weight.in);
    const uint32_t* panel = weight.words + column * steps;
    float c[M * kLanes];
    for (size_t block = 0; block < x.count; ++block, panel += kSteps * kLanes) {
        const size_t at = block * x.rows + row;
        const Operand* operands = &x.operands[at * kSteps];
        if (block + 1 < x.count) add_block<M>(operands, &x.blocks[at], panel, kSteps, block > 0, c);
        else write_block<M>(operands, &x.blocks[at], panel, steps - block * kSteps, block > 0, c, to);
    }
}

// Multiplies M rows by the last columns, of which there are fewer than 16.
template <size_t M> void multiply_rest(const Inputs& x, size_t row, const PackedInt8& weight, size_t column, Results how, float* y) {
    float c[M * kLanes];
    multiply_tile<M>(x, row, weight, column, {c, kLanes, weight.scales + column, Results::written});
    for (size_t m = 0; m < M; ++m, y += weight.out)
        for (size_t j = 0; column + j < weight.out; ++j) store(c[m * kLanes + j], how, y[j]);
}

// Multiplies the rows from `row` on by the columns from `first` to `last`.
template <size_t M = kRows>
void multiply_rows(const Inputs& x, size_t row, const PackedInt8& weight, size_t first, size_t last, Results how, float* y) {
    for (; x.rows - row >= M; row += M)
        for (size_t column = first; column < last; column += kLanes) {
            float* to = y + row * weight.out + column;
            if (last - column < kLanes) multiply_rest<M>(x, row, weight, column, how, to);
            else multiply_tile<M>(x, row, weight, column, {to, weight.out, weight.scales + column, how});
        }
    if constexpr (M > 1) multiply_rows<M / 2>(x, row, weight, first, last, how, y);
}

void multiply(const float* x, size_t rows, const PackedInt8& weight, Results results, float* y) {
    const Inputs inputs(x, rows, weight.in);
    const size_t fitting = kResident / (quads(weight.in) * kQuad) / kLanes, group = (fitting > 0 ? fitting : 1) * kLanes;
    const Results how = storage(results, rows, weight.out, y);
    for (size_t first = 0; first < weight.out; first += group)
        multiply_rows(inputs, 0, weight, first, weight.out - first < group ? weight.out : first + group, how, y);
    finish(how);
}

}  // namespace

const Int8Lanes Int8Tables::LMSI_ISA = {multiply};

}  // namespace lmsi

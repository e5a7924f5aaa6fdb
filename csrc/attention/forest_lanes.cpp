// Compiled once per instruction set; see simd/lanes.inc. Scores are transposed, [keys][queries]: maxima and sums of a query run
// over rows of vectors, and no product needs its weights transposed.
#include "forest.hpp"
#include "../simd/lanes.inc"
#include "../simd/products.inc"

namespace lmsi {
namespace {

#include "forest_blocks.inc"

// Hands out parts of scratch memory; without a beginning, it only counts the bytes.
struct Memory {
    char* begin;
    size_t used = 0;
    template <class T> T* take(size_t count) {
        T* part = begin ? reinterpret_cast<T*>(begin + used) : nullptr;
        used += (count * sizeof(T) + kLine - 1) / kLine * kLine;
        return part;
    }
};

// c[rows][columns] = or += a[rows][steps] panels[columns / 16][steps][16]
void multiply(const Operand* a, size_t rows, const uint32_t* panels, size_t columns, size_t steps, float* c, size_t stride, bool add) {
    for (size_t i = 0; i < columns; i += kLanes, panels += steps * kLanes)
        products<Pair>(a, rows, panels, steps, c + i, stride, add, reinterpret_cast<const char*>(panels));
}

// Rows [rows][kStride] as panels [columns / 16][steps][16], from step `first` on.
void interleave(const float* from, size_t rows, size_t columns, size_t first, size_t steps, uint32_t* to) {
    for (size_t m = 0; m < rows; m += 2) {
        const float *even = from + m * kStride, *odd = even + kStride;
        uint32_t* word = to + (first + m / 2) * kLanes;
        for (size_t q = 0; q < columns; q += kLanes, word += steps * kLanes)
            for (size_t p = 0; p < kLanes; p += kWidth) {
                const Words high = m + 1 < rows ? rounded(loaded<Floats>(odd + q + p)) : Words{};
                stored(rounded(loaded<Floats>(even + q + p)) >> 16 | high, word + p);
            }
    }
}

struct Forward {
    float *scores, *output, *peak, *sum, *factors;
    uint32_t *queries, *weights;
    Operand *rows, *columns;

    Forward(size_t width, Memory& memory)
        : scores(memory.take<float>(kKeys * kStride)), output(memory.take<float>(width * kStride)), peak(memory.take<float>(kQueries)),
          sum(memory.take<float>(kQueries)), factors(memory.take<float>(kQueries)), queries(memory.take<uint32_t>(width / 2 * kQueries)),
          weights(memory.take<uint32_t>(kKeys / 2 * kQueries)), rows(memory.take<Operand>(kTile * kStride)),
          columns(memory.take<Operand>(width * kStride)) {}
};

// Turns scores into weights exp(score - peak) under a new peak per query; factors rescale what was summed before.
void soften(const Block& block, const Chunk& chunk, Forward& at) {
    const size_t columns = block.columns();
    float high[kQueries];
    __builtin_memcpy(high, at.peak, columns * sizeof(float));
    for (size_t m = 0; m < chunk.count; ++m) {
        float* row = at.scores + m * kStride;
        for (size_t q = 0; q < columns; ++q) row[q] *= block.head.scale;
        for (size_t q = 0, end = chunk.hidden(block, m); q < end; ++q) row[q] = kLowest;
        for (size_t q = 0; q < columns; ++q) high[q] = row[q] > high[q] ? row[q] : high[q];
    }
    for (size_t q = 0; q < columns; ++q) {
        at.factors[q] = probability(at.peak[q], high[q]);
        at.sum[q] *= at.factors[q];
        at.peak[q] = high[q];
    }
    for (size_t m = 0; m < chunk.count; ++m) {
        float* row = at.scores + m * kStride;
        for (size_t q = 0; q < columns; ++q) row[q] = probability(row[q], high[q]);
        for (size_t q = 0, end = chunk.hidden(block, m); q < end; ++q) row[q] = 0;
        for (size_t q = 0; q < columns; ++q) at.sum[q] += row[q];
    }
}

void attend_chunk(const Block& block, const Chunk& chunk, Forward& at) {
    const ForestHead& head = block.head;
    const size_t columns = block.columns();
    for (size_t m = 0; m < chunk.count; m += kTile) {
        const size_t rows = chunk.rows(head.keys, head, m, at.rows);
        multiply(at.rows, rows, at.queries, columns, head.width / 2, at.scores + m * kStride, kStride, false);
    }
    soften(block, chunk, at);
    interleave(at.scores, chunk.count, columns, 0, chunk.steps(), at.weights);
    for (size_t d = 0; d < head.width; ++d)
        for (size_t q = 0; q < columns; ++q) at.output[d * kStride + q] *= at.factors[q];
    chunk.columns(head.values, head, at.columns);
    multiply(at.columns, head.width, at.weights, columns, chunk.steps(), at.output, kStride, true);
}

void attend(const ForestHead& head, size_t which, char* scratch, ForestOutput to) {
    Memory memory{scratch};
    Forward at(head.width, memory);
    each_block(head, which, [&](const Block& block) {
        block.by_query(head.queries, at.queries);
        for (size_t i = 0; i < head.width * kStride; ++i) at.output[i] = 0;
        for (size_t q = 0; q < kQueries; ++q) at.peak[q] = kLowest, at.sum[q] = 0;
        each_chunk(block, which, [&](const Chunk& chunk) { attend_chunk(block, chunk, at); });
        for (size_t q = 0; q < block.count; ++q) {
            to.logs[block.place(q)] = at.peak[q] + __builtin_logf(at.sum[q]);
            at.factors[q] = 1 / at.sum[q];
        }
        block.store(at.output, at.factors, to.output);
    });
}

struct Backward {
    float *weights, *of_weights, *of_queries, *logs, *deltas, *ones;
    uint32_t *of_scores, *queries, *passed, *queries_by_width, *passed_by_width;
    Operand *rows, *columns;

    Backward(size_t width, Memory& memory)
        : weights(memory.take<float>(kTile * kStride)), of_weights(memory.take<float>(kTile * kStride)),
          of_queries(memory.take<float>(width * kStride)), logs(memory.take<float>(kQueries)), deltas(memory.take<float>(kQueries)),
          ones(memory.take<float>(kQueries)), of_scores(memory.take<uint32_t>(kKeys / 2 * kQueries)),
          queries(memory.take<uint32_t>(width / 2 * kQueries)), passed(memory.take<uint32_t>(width / 2 * kQueries)),
          queries_by_width(memory.take<uint32_t>(width / 2 * kQueries)), passed_by_width(memory.take<uint32_t>(width / 2 * kQueries)),
          rows(memory.take<Operand>(kTile * kStride)), columns(memory.take<Operand>(width * kStride)) {}

    void load(const Block& block, const ForestGradients& from) {
        const size_t width = block.head.width;
        block.by_query(block.head.queries, queries);
        block.by_query(from.of_output, passed);
        block.by_width(block.head.queries, queries_by_width);
        block.by_width(from.of_output, passed_by_width);
        for (size_t i = 0; i < width * kStride; ++i) of_queries[i] = 0;
        for (size_t q = 0; q < kQueries; ++q) logs[q] = deltas[q] = 0, ones[q] = 1;
        for (size_t q = 0; q < block.count; ++q) {
            logs[q] = from.logs[block.place(q)];
            const uint16_t *output = from.output + block.offset(q), *of_output = from.of_output + block.offset(q);
            float lanes[kLanes] = {};
            for (size_t d = 0; d < width; d += kLanes)
                for (size_t j = 0; j < kLanes; ++j) lanes[j] += float_of(output[d + j]) * float_of(of_output[d + j]);
            for (const float lane : lanes) deltas[q] += lane;
        }
    }
};

// From the scores of `rows` keys and the gradients of their weights: the weights, and the gradients of the scores.
void differentiate_softmax(const Block& block, const Chunk& chunk, size_t m, size_t rows, Backward& at) {
    const size_t columns = block.columns();
    const float scale = block.head.scale;
    for (size_t i = 0; i < rows; ++i) {
        float *weights = at.weights + i * kStride, *of_weights = at.of_weights + i * kStride;
        for (size_t q = 0; q < columns; ++q) weights[q] = probability(weights[q] * scale, at.logs[q]);
        for (size_t q = 0, end = chunk.hidden(block, m + i); q < end; ++q) weights[q] = 0;
        for (size_t q = 0; q < columns; ++q) of_weights[q] = weights[q] * (of_weights[q] - at.deltas[q]) * scale;
    }
}

// Adds to gradients [rows][width] what the queries of the block give.
void add_rows(const Block& block, const float* weights, size_t rows, const uint32_t* panels, Operand* operands, float* to) {
    fill<Pair>(weights, kStride, rows, block.count, operands);
    multiply(operands, rows, panels, block.head.width, block.steps(), to, block.head.width, true);
}

void differentiate_chunk(const Block& block, const Chunk& chunk, Backward& at, const ForestGradients& to) {
    const ForestHead& head = block.head;
    const size_t columns = block.columns(), depth = head.width / 2;
    for (size_t m = 0; m < chunk.count; m += kTile) {
        const size_t rows = chunk.rows(head.keys, head, m, at.rows), place = (chunk.token + m) * head.width;
        multiply(at.rows, rows, at.queries, columns, depth, at.weights, kStride, false);
        chunk.rows(head.values, head, m, at.rows);
        multiply(at.rows, rows, at.passed, columns, depth, at.of_weights, kStride, false);
        differentiate_softmax(block, chunk, m, rows, at);
        add_rows(block, at.weights, rows, at.passed_by_width, at.rows, to.of_values + place);
        add_rows(block, at.of_weights, rows, at.queries_by_width, at.rows, to.of_keys + place);
        interleave(at.of_weights, rows, columns, m / 2, chunk.steps(), at.of_scores);
    }
    chunk.columns(head.keys, head, at.columns);
    multiply(at.columns, head.width, at.of_scores, columns, chunk.steps(), at.of_queries, kStride, true);
}

void differentiate(const ForestHead& head, size_t which, char* scratch, ForestGradients to) {
    Memory memory{scratch};
    Backward at(head.width, memory);
    each_block(head, which, [&](const Block& block) {
        at.load(block, to);
        each_chunk(block, which, [&](const Chunk& chunk) { differentiate_chunk(block, chunk, at, to); });
        block.store(at.of_queries, at.ones, to.of_queries);
    });
}

size_t bytes(size_t width) {
    Memory forward{nullptr}, backward{nullptr};
    Forward(width, forward);
    Backward(width, backward);
    return forward.used > backward.used ? forward.used : backward.used;
}

}  // namespace

const ForestLanes ForestTables::LMSI_ISA = {bytes, attend, differentiate};

}  // namespace lmsi

// Samples one token per row of logits: temperature, top-k, top-p, min-p, and the log-probability of the sampled token.
//
// The specification is src/lmsi_kedro/kernels/sampling/reference.py. Guarantees: weights are integers, so the token
// does not depend on the instruction set, on blocks or on the row's position in the batch; the log-probability has the
// same bits on every instruction set; a token of weight 0 is never sampled; rows of any content are safe to read. Scratch
// memory is allocated once per call and grows with the first rows, but is not allocated for every row. The sampler starts
// no threads.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../simd/isa.hpp"
#include "../simd/numbers.hpp"

namespace lmsi {

constexpr size_t kMaxVocabulary = (size_t{1} << 19) - 1;  // so that weights sum to less than 2^63

struct SamplingRules {
    float scale;          // log2(e) / temperature; 0 means greedy: the first maximum
    uint64_t top_k;       // 0: off
    uint64_t nucleus;     // floor(top_p * 2^64); 0: off
    uint64_t min_weight;  // ceil(min_p * 2^44); 0: off
};

// rows x vocabulary logits, with 1 <= vocabulary <= kMaxVocabulary; `stride` is the distance between rows in bytes.
struct Logits {
    const void* data;
    NumberFormat format;
    size_t rows;
    size_t vocabulary;
    ptrdiff_t stride;
};

enum class RowFault : uint8_t { none, nan, infinite, empty };

struct SamplingOutcome {
    RowFault fault = RowFault::none;
    size_t row = 0;  // the first faulty row; tokens of earlier rows are valid
};

// 64 bits of Philox4x32-10 for (seed, stream, path, position).
uint64_t philox(const uint64_t counter[4]);

// counters: rows x (seed, stream, path, position). Writes a token and a log-probability per row.
SamplingOutcome sample_tokens(const Logits& logits, const SamplingRules& rules, const uint64_t* counters, Isa isa, int64_t* tokens,
                              double* logprobs);

}  // namespace lmsi

// Majority votes of ragged groups of keys.
//
// The specification is src/lmsi_kedro/kernels/votes/reference.py. Guarantees: the result does not depend on the order of a
// question's paths; keys are told apart by their bytes; weights are summed as if exactly and rounded once; expected linear
// time. Reads the keys where they are; allocates for the columns and per tie broken by weights, never per path or question;
// starts no threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../arrow/strings.hpp"

namespace lmsi {

// A cell of an Arrow string_view column: a short text in place, or where to find it.
struct KeyCell {
    int32_t size = 0;
    union {
        char bytes[kInPlace] = {};
        struct {
            char prefix[4];
            int32_t block, offset;
        } longer;
    };
};

// A row per question, in columns as Arrow lays them out.
struct VoteTable {
    explicit VoteTable(size_t questions);
    std::string_view text(const KeyCell& cell) const;

    std::span<KeyCell> key;      // the winner; an empty cell for none
    std::span<uint8_t> decided;  // bitmap: there is a winner
    int64_t undecided = 0;
    std::span<int32_t> votes, readable, paths;
    std::span<double> confidence, margin, entropy;
    std::span<int64_t> tied_offsets;        // one more than questions
    std::vector<KeyCell> tied;              // keys that share the top, sorted by their bytes
    std::vector<std::string> longer_keys;   // the bytes of longer keys, end to end, in blocks below 2^31

private:
    // One allocation: several are given back to the system after each call, and their pages cost 40 % of the time again.
    std::unique_ptr<std::byte[]> columns_;
};

// The keys lie end to end in the chunks. offsets: questions + 1 values, not decreasing by less than 0 nor growing by 2^31,
// from 0 to the number of keys. weights: one finite number per key, which break ties; or null, and ties have no winner.
VoteTable count_votes(const std::vector<StringArray>& keys, const int64_t* offsets, size_t questions, const double* weights);

// The sum of finite numbers, rounded once, as math.fsum does (sizes below 2^960, so that nothing overflows).
double exact_sum(const std::vector<double>& values);

}  // namespace lmsi

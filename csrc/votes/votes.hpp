// Majority votes over groups of keys of different sizes.
//
// The specification is src/lmsi_kedro/kernels/votes/reference.py. Guarantees: the result does not depend on the order
// of a question's paths; keys are compared by their bytes; weights are summed exactly and rounded once; the expected
// time is linear. Keys are read in place. Memory is allocated for the columns and for each tie that weights break, but
// not for every path or question. Counting starts no threads.
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

// A cell of an Arrow string_view column: a short text, or the position of a longer one.
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

// One row per question, in columns with Arrow's layout.
struct VoteTable {
    explicit VoteTable(size_t questions);
    std::string_view text(const KeyCell& cell) const;

    std::span<KeyCell> key;      // the winner; empty if there is none
    std::span<uint8_t> decided;  // bitmap: whether there is a winner
    int64_t undecided = 0;
    std::span<int32_t> votes, readable, paths;
    std::span<double> confidence, margin, entropy;
    std::span<int64_t> tied_offsets;        // one entry more than there are questions
    std::vector<KeyCell> tied;              // keys with the most votes, sorted by their bytes
    std::vector<std::string> longer_keys;   // the bytes of longer keys, concatenated in blocks of less than 2^31 bytes

private:
    // All columns are in a single allocation. Several allocations would be returned to the system after each call, and
    // getting their pages again would make a call take 40 % longer.
    std::unique_ptr<std::byte[]> columns_;
};

// The keys are in consecutive chunks. offsets: questions + 1 values from 0 to the number of keys, each at least as
// large as the one before, and less than 2^31 larger. weights: one finite number per key, to break ties; if it is null,
// ties have no winner.
VoteTable count_votes(const std::vector<StringArray>& keys, const int64_t* offsets, size_t questions, const double* weights);

// The sum of finite numbers, rounded once, like math.fsum (absolute values below 2^960, so that nothing overflows).
double exact_sum(const std::vector<double>& values);

}  // namespace lmsi

// Majority votes of ragged groups of keys.
//
// The specification is src/lmsi_kedro/kernels/votes/reference.py. Guarantees: the result does not depend on the order of a
// question's paths; keys are told apart by their bytes (hashes only find candidates); weights are summed as if exactly and
// rounded once; expected linear time. Allocates per call and per new tie, never per path; starts no threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace lmsi {

// A row per question. Keys are given by the position of a path that holds them.
struct VoteTable {
    std::vector<int64_t> winner;  // -1: none
    std::vector<int32_t> votes, readable, paths;
    std::vector<double> confidence, margin, entropy;
    std::vector<int64_t> tied_offsets;  // one more than questions
    std::vector<int64_t> tied;          // keys that share the top, sorted by their bytes
};

// keys: null where data() is null. offsets: questions + 1 values, not decreasing, from 0 to the number of keys.
// weights: one finite number per key, which break ties; or null, and ties have no winner.
VoteTable count_votes(const std::string_view* keys, const int64_t* offsets, size_t questions, const double* weights);

// The sum of finite numbers, rounded once, as math.fsum does (sizes below 2^960, so that nothing overflows).
double exact_sum(const std::vector<double>& values);

}  // namespace lmsi

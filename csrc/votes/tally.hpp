// The tallies of one question: the number of its paths with each key.
#pragma once

#include <vector>

#include "numbering.hpp"
#include "tokens.hpp"

namespace lmsi {

constexpr size_t kFew = 64;  // number of paths that fit into the bits of a word

// A distinct key: the upper bits contain its votes, and the lower bits the index of a path with this key. The key with
// the most votes therefore has the largest tally, which is found without a branch.
using Tally = uint64_t;
inline Tally tally_of(uint64_t votes, size_t path) { return votes << 32 | path; }
inline int32_t votes_of(Tally tally) { return static_cast<int32_t>(tally >> 32); }
inline size_t path_of(Tally tally) { return static_cast<uint32_t>(tally); }

// The counts of one question. The object is reused for the next question, so that its vectors are allocated once.
struct Question {
    size_t paths = 0;
    std::vector<Token> tokens = std::vector<Token>(kFew + 1);  // one per path, and space for one more
    uint64_t nulls = 0;                                        // for few paths: the bits of unparsable paths
    // The results of counting:
    std::vector<Tally> tallies = std::vector<Tally>(kFew + 1);
    size_t distinct = 0;  // tallies in use
    int32_t readable = 0;
    Tally top = 0, second = 0;
    double entropy = 0;  // bits

    bool few() const { return paths <= kFew; }
    bool is_readable(size_t path) const { return few() ? (nulls >> path & 1) == 0 : tokens[path].size() != Token::kUnreadable; }
    bool tied() const { return votes_of(top) == votes_of(second); }
};

// Counts two questions together, each of which has at most kFew paths.
void count_few(Question& one, Question& other);
// Counts a question of any number of paths; `keys` is scratch.
void count_many(Question& question, Numbering<Token>& keys);

}  // namespace lmsi

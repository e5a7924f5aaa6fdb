// Plain checks of the votes that need no Python: counts against a map, exact sums, any order the same.
#include "votes.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <string>

namespace {

void check(bool held, const char* what) {
    if (held) return;
    std::fprintf(stderr, "failed: %s\n", what);
    std::exit(1);
}

using Keys = std::vector<std::string_view>;

lmsi::VoteTable count(const Keys& keys, const double* weights = nullptr) {
    const int64_t offsets[2] = {0, static_cast<int64_t>(keys.size())};
    return lmsi::count_votes(keys.data(), offsets, 1, weights);
}

// Heap copies of exact size, so that a sanitizer sees any read past a key's end.
class Arena {
public:
    std::string_view copy(const std::string& text) {
        blocks_.emplace_back(new char[text.size() + (text.empty() ? 1 : 0)]);
        std::copy(text.begin(), text.end(), blocks_.back().get());
        return {blocks_.back().get(), text.size()};
    }

private:
    std::vector<std::unique_ptr<char[]>> blocks_;
};

void counts_are_those_of_a_map() {
    std::mt19937 random(0);
    for (int trial = 0; trial < 2000; ++trial) {
        Arena arena;
        Keys keys;
        std::map<std::string_view, int32_t> counts;
        const size_t paths = random() % 100, kinds = 1 + random() % 20;
        for (size_t i = 0; i < paths; ++i) {
            const size_t kind = random() % (kinds + 1);
            keys.push_back(kind == kinds ? std::string_view{} : arena.copy(std::string(kind * 2, 'a') + std::to_string(kind)));
            if (kind != kinds) ++counts[keys.back()];
        }
        int32_t top = 0, readable = 0;
        for (const auto& [key, votes] : counts) top = std::max(top, votes), readable += votes;
        Keys tied;
        for (const auto& [key, votes] : counts)
            if (votes == top) tied.push_back(key);
        const lmsi::VoteTable table = count(keys);
        check(table.votes[0] == top && table.readable[0] == readable, "votes and readable");
        check(table.tied.size() == tied.size(), "number of tied keys");
        for (size_t i = 0; i < tied.size(); ++i) check(keys[static_cast<size_t>(table.tied[i])] == tied[i], "tied keys");
        check((table.winner[0] >= 0) == (tied.size() == 1), "a winner unless tied");
    }
}

void sums_are_exact() {
    check(lmsi::exact_sum({1e16, 1.0, -1e16}) == 1.0, "cancellation");
    check(lmsi::exact_sum({0.1, 0.2, 0.3}) == lmsi::exact_sum({0.3, 0.2, 0.1}), "order");
    check(lmsi::exact_sum({1.0, 0x1p-53, 0x1p-120}) == 1.0 + 0x1p-52, "beyond halfway");
    check(lmsi::exact_sum({1.0, 0x1p-53}) == 1.0, "halfway to even");
    check(lmsi::exact_sum({}) == 0.0, "nothing");
}

void weights_break_ties_in_any_order() {
    Keys keys{"b", "a", "b", "a", "c"};
    std::vector<double> weights{-1, -2, -2, -1.5, 9};
    const lmsi::VoteTable table = count(keys, weights.data());
    check(keys[static_cast<size_t>(table.winner[0])] == "b", "b weighs more");
    std::reverse(keys.begin(), keys.end());
    std::reverse(weights.begin(), weights.end());
    check(keys[static_cast<size_t>(count(keys, weights.data()).winner[0])] == "b", "backwards too");
}

}  // namespace

int main() {
    counts_are_those_of_a_map();
    sums_are_exact();
    weights_break_ties_in_any_order();
    std::puts("votes: ok");
}

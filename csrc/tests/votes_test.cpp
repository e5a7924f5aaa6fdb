// Tests of the votes without Python: counts equal those of a map, sums are exact, results are equal in any order and
// layout.
#include "../votes/votes.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <random>

#include "string_column.hpp"
#include "check.hpp"

namespace {

using Keys = std::vector<std::string_view>;
using lmsi::StringLayout;

constexpr StringLayout kLayouts[] = {StringLayout::views, StringLayout::offsets32, StringLayout::offsets64};

lmsi::VoteTable count(const Keys& keys, const std::vector<int64_t>& offsets, const double* weights = nullptr,
                      StringLayout layout = StringLayout::views) {
    const StringColumn column(keys, layout);
    return lmsi::count_votes({column.array()}, offsets.data(), offsets.size() - 1, weights);
}

lmsi::VoteTable count(const Keys& keys, const double* weights = nullptr) {
    return count(keys, {0, static_cast<int64_t>(keys.size())}, weights);
}

std::string winner(const lmsi::VoteTable& table, size_t row = 0) {
    return (table.decided[row / 8] >> (row % 8) & 1) != 0 ? std::string(table.text(table.key[row])) : "none";
}

// Keys of 1 to 37 bytes, some of which differ only in the last byte.
Keys texts(std::mt19937& random, std::vector<std::string>& owner, size_t paths) {
    const size_t kinds = 1 + random() % 20;
    owner.clear();
    owner.reserve(kinds);
    for (size_t kind = 0; kind < kinds; ++kind) owner.push_back(std::string(kind / 2 * 4, 'a') + std::to_string(kind % 2));
    Keys keys(paths);
    for (auto& key : keys)
        if (const size_t kind = random() % (kinds + 1); kind < kinds) key = owner[kind];
    return keys;
}

void check_row(const lmsi::VoteTable& table, const Keys& keys) {
    std::map<std::string_view, int32_t> counts;
    for (const auto key : keys)
        if (key.data() != nullptr) ++counts[key];
    int32_t top = 0, readable = 0;
    double entropy = 0;
    for (const auto& [key, votes] : counts) top = std::max(top, votes), readable += votes;
    for (const auto& [key, votes] : counts) entropy -= 1.0 * votes / readable * std::log2(1.0 * votes / readable);
    Keys tied;
    for (const auto& [key, votes] : counts)
        if (votes == top) tied.push_back(key);
    check(table.votes[0] == top && table.readable[0] == readable, "votes and readable");
    check(std::abs(table.entropy[0] - entropy) < 1e-12, "entropy in bits");
    check(table.tied.size() == tied.size(), "number of tied keys");
    for (size_t i = 0; i < tied.size(); ++i) check(table.text(table.tied[i]) == tied[i], "tied keys");
    check(winner(table) == (tied.size() == 1 ? tied[0] : "none"), "a winner unless tied");
}

void counts_match_a_map() {
    std::mt19937 random(0);
    std::vector<std::string> owner;
    for (int trial = 0; trial < 3000; ++trial) {
        const Keys keys = texts(random, owner, random() % 100);
        for (const auto layout : kLayouts) check_row(count(keys, {0, static_cast<int64_t>(keys.size())}, nullptr, layout), keys);
    }
}

// Questions are counted two at a time and may cross chunks; they must not affect each other.
void questions_do_not_mix() {
    std::mt19937 random(1);
    std::vector<std::string> owner;
    for (int trial = 0; trial < 300; ++trial) {
        const Keys keys = texts(random, owner, 300);
        std::vector<int64_t> offsets{0};
        while (offsets.back() < 300) offsets.push_back(std::min<int64_t>(300, offsets.back() + random() % 90));
        const auto cut = keys.begin() + static_cast<int64_t>(random() % 300);
        const StringColumn first({keys.begin(), cut}, StringLayout::views), second({cut, keys.end()}, StringLayout::offsets32);
        const auto together = lmsi::count_votes({first.array(), second.array()}, offsets.data(), offsets.size() - 1, nullptr);
        for (size_t q = 0; q + 1 < offsets.size(); ++q) {
            const auto alone = count({keys.begin() + offsets[q], keys.begin() + offsets[q + 1]});
            check(winner(together, q) == winner(alone), "a winner must not depend on other questions");
            check(together.entropy[q] == alone.entropy[0] && together.margin[q] == alone.margin[0],
                  "entropy and margin must not depend on other questions");
        }
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
    check(winner(count(keys, weights.data())) == "b", "b weighs more");
    std::reverse(keys.begin(), keys.end());
    std::reverse(weights.begin(), weights.end());
    check(winner(count(keys, weights.data())) == "b", "backwards too");
}

}  // namespace

int main() {
    counts_match_a_map();
    questions_do_not_mix();
    sums_are_exact();
    weights_break_ties_in_any_order();
    std::puts("votes: ok");
}

// Fuzzes votes with arbitrary groups of keys. It checks that there are no memory or arithmetic errors, that the result
// equals that of a simple count, and that it does not depend on the order of the keys.
//
// An input is a list of keys separated by line breaks; a tab ends a group, and a key "-" is null. The weight of a key is
// its last byte times two to the power of its first byte.
#include "../votes/votes.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "../tests/string_column.hpp"
#include "fuzz.hpp"

namespace {

struct Groups {
    std::vector<std::string> keys;
    std::vector<std::string_view> views;
    std::vector<double> weights;
    std::vector<int64_t> offsets{0};

    size_t questions() const { return offsets.size() - 1; }

    void end_group() { offsets.push_back(static_cast<int64_t>(keys.size())); }

    void reverse_groups() {
        for (size_t q = 0; q < questions(); ++q) {
            std::reverse(views.begin() + offsets[q], views.begin() + offsets[q + 1]);
            std::reverse(weights.begin() + offsets[q], weights.begin() + offsets[q + 1]);
        }
    }
};

Groups parse(const uint8_t* data, size_t size) {
    Groups groups;
    std::string key;
    for (size_t i = 0; i < size; ++i) {
        if (data[i] != '\n' && data[i] != '\t') {
            key += static_cast<char>(data[i]);
            continue;
        }
        groups.keys.push_back(key);
        key.clear();
        if (data[i] == '\t') groups.end_group();
    }
    groups.end_group();
    for (const std::string& each : groups.keys) {
        groups.views.push_back(each == "-" ? std::string_view() : std::string_view(each));
        groups.weights.push_back(std::ldexp(each.empty() ? 1.0 : each.back(), each.empty() ? 0 : each.front()));
    }
    return groups;
}

std::string winner(const lmsi::VoteTable& table, size_t q) {
    return (table.decided[q / 8] >> (q % 8) & 1) != 0 ? std::string(table.text(table.key[q])) : "";
}

void check_question(const Groups& groups, const lmsi::VoteTable& table, size_t q) {
    std::map<std::string_view, int> counts;
    for (int64_t i = groups.offsets[q]; i < groups.offsets[q + 1]; ++i)
        if (const auto view = groups.views[static_cast<size_t>(i)]; view.data() != nullptr) ++counts[view];
    int top = 0, readable = 0;
    for (const auto& [key, count] : counts) top = std::max(top, count), readable += count;
    std::vector<std::string> tied;
    for (const auto& [key, count] : counts)
        if (count == top) tied.emplace_back(key);
    fuzz::check(table.votes[q] == top && table.readable[q] == readable, "a wrong count");
    fuzz::check(table.paths[q] == groups.offsets[q + 1] - groups.offsets[q], "a wrong number of paths");
    const auto first = table.tied_offsets[q], last = table.tied_offsets[q + 1];
    fuzz::check(last - first == static_cast<int64_t>(tied.size()), "a wrong number of tied keys");
    for (size_t i = 0; i < tied.size(); ++i)
        fuzz::check(table.text(table.tied[static_cast<size_t>(first) + i]) == tied[i], "a wrong tied key");
    if (tied.size() == 1) fuzz::check(winner(table, q) == tied[0], "a wrong winner");
}

void check_votes(Groups& groups, bool weighted) {
    const auto count = [&] {
        const StringColumn column(groups.views, weighted ? lmsi::StringLayout::views : lmsi::StringLayout::offsets32);
        return lmsi::count_votes({column.array()}, groups.offsets.data(), groups.questions(), weighted ? groups.weights.data() : nullptr);
    };
    const lmsi::VoteTable table = count();
    std::vector<std::string> winners;
    for (size_t q = 0; q < groups.questions(); ++q) {
        check_question(groups, table, q);
        winners.push_back(winner(table, q));
    }
    groups.reverse_groups();
    const lmsi::VoteTable turned = count();
    for (size_t q = 0; q < groups.questions(); ++q) fuzz::check(winner(turned, q) == winners[q], "a winner that depends on the order");
    const bool alike = std::ranges::equal(turned.entropy, table.entropy) && std::ranges::equal(turned.margin, table.margin);
    fuzz::check(alike, "numbers that depend on the order");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    Groups groups = parse(data, size);
    check_votes(groups, false);
    check_votes(groups, true);
    return 0;
}

std::vector<std::string> fuzz::seeds() {
    return {"num:7\nnum:7\nnum:8\n-\tchoice:B\nchoice:A\tnum:1\t", "-\n-\t\t", "a\nb\nc\na\nb\nc\t",
            "num:12345678901234\nnum:12345678901235\nnum:12345678901234\t", ""};
}

std::vector<std::string> fuzz::pieces() {
    using namespace std::string_literals;
    return {"num:7\n",
            "num:8\n",
            "-\n",
            "\t",
            "\n",
            "choice:A\n",
            "span:a longer key than twelve bytes\n",
            "span:a longer key than twelve bytez\n",
            "\0\n"s,
            "\0\0\n"s,
            "\xFF\n"};
}

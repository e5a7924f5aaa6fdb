#include "votes.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace lmsi {
namespace {

struct Tally {
    std::string_view key;
    uint64_t hash;
    int64_t first;  // position of a path that holds the key
    int32_t count;
};

uint64_t mixed(uint64_t a, uint64_t b) {
    const auto product = static_cast<unsigned __int128>(a ^ 0x9E3779B97F4A7C15u) * (b ^ 0xD6E8FEB86659FD93u);
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

template <class Word> uint64_t word_at(const char* at) {
    Word word;
    std::memcpy(&word, at, sizeof word);
    return word;
}

// Any hash will do: equality is by bytes. Keys are short, so the ends are read as overlapping words.
uint64_t hash_of(std::string_view key) {
    const char* at = key.data();
    size_t size = key.size();
    uint64_t hash = size;
    for (; size > 16; at += 8, size -= 8) hash = mixed(hash, word_at<uint64_t>(at));
    if (size >= 8) return mixed(hash ^ word_at<uint64_t>(at), word_at<uint64_t>(at + size - 8));
    if (size >= 4) return mixed(hash ^ word_at<uint32_t>(at), word_at<uint32_t>(at + size - 4));
    uint64_t rest = 0;
    for (size_t i = 0; i < size; ++i) rest = (rest << 8) | static_cast<uint8_t>(at[i]);
    return mixed(hash, rest);
}

// The distinct keys of one question: tallies in order of appearance, and an open table of their numbers.
class Ballot {
public:
    void clear(size_t paths) {
        for (const Tally& tally : tallies) slots_[slot_of(tally)] = kEmpty;
        tallies.clear();
        const size_t wanted = std::bit_ceil(2 * paths + 1);
        if (slots_.size() < wanted) slots_.assign(wanted, kEmpty);
    }

    void add(std::string_view key, int64_t position) {
        // Paths mostly agree: the last key seen is the likeliest next.
        if (last_ < tallies.size() && tallies[last_].key == key) {
            ++tallies[last_].count;
            return;
        }
        const uint64_t hash = hash_of(key);
        size_t slot = hash & (slots_.size() - 1);
        for (; slots_[slot] != kEmpty; slot = (slot + 1) & (slots_.size() - 1)) {
            Tally& tally = tallies[slots_[slot]];
            if (tally.hash != hash || tally.key != key) continue;
            ++tally.count;
            last_ = slots_[slot];
            return;
        }
        last_ = slots_[slot] = static_cast<uint32_t>(tallies.size());
        tallies.push_back({key, hash, position, 1});
    }

    std::vector<Tally> tallies;

private:
    static constexpr uint32_t kEmpty = UINT32_MAX;

    size_t slot_of(const Tally& tally) const {
        const auto number = static_cast<uint32_t>(&tally - tallies.data());
        size_t slot = tally.hash & (slots_.size() - 1);
        while (slots_[slot] != number) slot = (slot + 1) & (slots_.size() - 1);
        return slot;
    }

    std::vector<uint32_t> slots_;
    uint32_t last_ = 0;
};

double entropy_term(int32_t count, int32_t readable) {
    return static_cast<double>(count) / readable * std::log(static_cast<double>(readable) / count);
}

// The usual sizes, so that a vote costs no logarithms.
struct EntropyTerms {
    static constexpr int32_t kSize = 64;
    double term[kSize + 1][kSize + 1];
    EntropyTerms() {
        for (int32_t readable = 1; readable <= kSize; ++readable)
            for (int32_t count = 1; count <= readable; ++count) term[readable][count] = entropy_term(count, readable);
    }
};

// counts ascending: a fixed order of additions, whatever the order of the paths.
double entropy_of(const std::vector<int32_t>& counts, int32_t readable) {
    static const EntropyTerms table;
    double sum = 0;
    for (const int32_t count : counts)
        sum += readable <= EntropyTerms::kSize ? table.term[readable][count] : entropy_term(count, readable);
    return sum;
}

class Counting {
public:
    Counting(const std::string_view* keys, const double* weights) : keys_(keys), weights_(weights) {}

    void question(int64_t begin, int64_t end, size_t row, VoteTable& table) {
        ballot_.clear(static_cast<size_t>(end - begin));
        for (int64_t i = begin; i < end; ++i)
            if (keys_[i].data() != nullptr) ballot_.add(keys_[i], i);
        counts_.clear();
        int32_t readable = 0;
        for (const Tally& tally : ballot_.tallies) counts_.push_back(tally.count), readable += tally.count;
        std::sort(counts_.begin(), counts_.end());
        const size_t distinct = counts_.size();
        const int32_t top = distinct > 0 ? counts_[distinct - 1] : 0, second = distinct > 1 ? counts_[distinct - 2] : 0;
        const auto paths = static_cast<int32_t>(end - begin);
        table.votes[row] = top;
        table.readable[row] = readable;
        table.paths[row] = paths;
        table.confidence[row] = paths > 0 ? static_cast<double>(top) / paths : 0;
        table.margin[row] = paths > 0 ? static_cast<double>(top - second) / paths : 0;
        table.entropy[row] = entropy_of(counts_, readable);
        list_tied(top);
        table.winner[row] = tied_.size() == 1 ? tied_[0]->first : weights_ != nullptr ? heaviest(begin, end) : -1;
        for (const Tally* tally : tied_) table.tied.push_back(tally->first);
        table.tied_offsets[row + 1] = static_cast<int64_t>(table.tied.size());
    }

private:
    void list_tied(int32_t top) {
        tied_.clear();
        for (const Tally& tally : ballot_.tallies)
            if (tally.count == top) tied_.push_back(&tally);
        if (tied_.size() > 1)
            std::sort(tied_.begin(), tied_.end(), [](const Tally* a, const Tally* b) { return a->key < b->key; });
    }

    // The tied key with the largest sum of weights, or -1 when that is shared too (or nothing is readable).
    int64_t heaviest(int64_t begin, int64_t end) {
        int64_t best = -1;
        double most = -INFINITY;
        for (const Tally* tally : tied_) {
            std::vector<double> values;
            for (int64_t i = begin; i < end; ++i)
                if (keys_[i].data() != nullptr && keys_[i] == tally->key) values.push_back(weights_[i]);
            const double sum = exact_sum(values);
            if (sum == most) best = -1;
            if (sum > most) most = sum, best = tally->first;
        }
        return best;
    }

    const std::string_view* keys_;
    const double* weights_;
    Ballot ballot_;
    std::vector<int32_t> counts_;
    std::vector<const Tally*> tied_;
};

// Adds `value` to a list of numbers whose bits do not overlap, so that their sum stays exact (Shewchuk, 1997).
void add_exactly(std::vector<double>& partials, double value) {
    size_t kept = 0;
    for (double partial : partials) {
        if (std::fabs(value) < std::fabs(partial)) std::swap(value, partial);
        const double high = value + partial, low = partial - (high - value);
        if (low != 0) partials[kept++] = low;
        value = high;
    }
    partials.resize(kept);
    partials.push_back(value);
}

}  // namespace

double exact_sum(const std::vector<double>& values) {
    std::vector<double> partials;
    for (const double value : values) add_exactly(partials, value);
    double sum = 0, rest = 0;
    while (!partials.empty() && rest == 0) {
        const double before = sum, next = partials.back();
        partials.pop_back();
        sum = before + next;
        rest = next - (sum - before);
    }
    // Halfway between two doubles the remaining partials decide, not round-to-even.
    if (!partials.empty() && ((rest < 0 && partials.back() < 0) || (rest > 0 && partials.back() > 0))) {
        const double doubled = rest * 2, rounded = sum + doubled;
        if (doubled == rounded - sum) sum = rounded;
    }
    return sum;
}

VoteTable count_votes(const std::string_view* keys, const int64_t* offsets, size_t questions, const double* weights) {
    VoteTable table;
    for (auto* column : {&table.votes, &table.readable, &table.paths}) column->resize(questions);
    for (auto* column : {&table.confidence, &table.margin, &table.entropy}) column->resize(questions);
    table.winner.resize(questions);
    table.tied_offsets.resize(questions + 1);
    table.tied.reserve(questions);
    Counting counting(keys, weights);
    for (size_t row = 0; row < questions; ++row) counting.question(offsets[row], offsets[row + 1], row, table);
    return table;
}

}  // namespace lmsi

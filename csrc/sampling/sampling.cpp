#include "sampling.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "lanes.hpp"

namespace lmsi {
namespace {

struct Candidate {
    float value;
    uint32_t id;
    uint64_t weight;
};

// The order for top-k and top-p: logit descending, then token id ascending.
bool precedes(const Candidate& a, const Candidate& b) { return a.value != b.value ? a.value > b.value : a.id < b.id; }

uint64_t scaled(uint64_t fraction, uint64_t total) {  // floor(fraction / 2^64 * total)
    return static_cast<uint64_t>((static_cast<unsigned __int128>(fraction) * total) >> 64);
}

uint64_t scaled_up(uint64_t fraction, uint64_t total) {  // ceil(fraction / 2^64 * total)
    return scaled(fraction, total) + (fraction * total != 0);
}

template <class Iterator> uint64_t weight_of(Iterator begin, Iterator end) {
    uint64_t sum = 0;
    for (; begin != end; ++begin) sum += begin->weight;
    return sum;
}

void keep_top(std::vector<Candidate>& candidates, size_t k) {
    if (candidates.size() <= k) return;
    std::nth_element(candidates.begin(), candidates.begin() + static_cast<ptrdiff_t>(k), candidates.end(), precedes);
    candidates.resize(k);
}

// Keeps the shortest prefix of the ordered candidates whose weight reaches `needed`. Each step halves the range in which
// the prefix may end, so the time is linear.
void keep_nucleus(std::vector<Candidate>& candidates, uint64_t needed) {
    ptrdiff_t low = 0, high = static_cast<ptrdiff_t>(candidates.size());
    const auto at = candidates.begin();
    while (high - low > 1) {  // the first `low` candidates weigh less than needed, and the first `high` weigh enough
        const ptrdiff_t middle = low + (high - low) / 2;
        std::nth_element(at + low, at + middle, at + high, precedes);
        const uint64_t half = weight_of(at + low, at + middle);
        if (half >= needed) high = middle;
        else needed -= half, low = middle;
    }
    candidates.resize(static_cast<size_t>(high));
}

// A logit below which every token weighs less than `weight`, with a safety margin of a factor of 2.
float logit_below(float max, float scale, uint64_t weight) {
    if (weight == 0) return kLowest;
    const double exponent = std::log2(static_cast<double>(weight)) - kWeightBits - 1;
    return std::nextafter(static_cast<float>(static_cast<double>(max) + exponent / static_cast<double>(scale)), kLowest);
}

class Sampler {
public:
    Sampler(const SamplingLanes& lanes, const SamplingRules& rules, size_t vocabulary)
        : lanes_(lanes), rules_(rules), size_(vocabulary),
          // There are four times as many groups as tokens to keep, so that the k-th largest group maximum is only a
          // little below the k-th largest logit.
          depth_(rules.top_k == 0 ? 128 : std::clamp<size_t>(vocabulary / (4 * std::min<size_t>(rules.top_k, vocabulary)), 1, 128)),
          group_maxima_((vocabulary / (kLanes * depth_) + 1) * kLanes), block_totals_(vocabulary / kBlock + 1),
          ids_(std::make_unique_for_overwrite<uint32_t[]>(vocabulary)), values_(std::make_unique_for_overwrite<float[]>(vocabulary)),
          weights_(std::make_unique_for_overwrite<uint64_t[]>(vocabulary)) {}

    // `next` is the following row, which is prefetched.
    RowFault sample(const void* row, const void* next, uint64_t bits, int64_t& token, double& logprob) {
        const Peak peak = lanes_.peak(row, size_, depth_, group_maxima_.data());
        if (peak.nan) return RowFault::nan;
        if (peak.value == kLowest) return RowFault::empty;
        if (peak.value > std::numeric_limits<float>::max()) return RowFault::infinite;
        row_ = row;
        next_ = next;
        max_ = peak.value;
        normalizer_ = 0;
        token = choose(bits);
        if (normalizer_ == 0) normalizer_ = lanes_.normalizer(row, next, size_, max_);
        float value;
        lanes_.widen(row, static_cast<size_t>(token), static_cast<size_t>(token) + 1, &value);
        logprob = static_cast<double>(value) - static_cast<double>(max_) - std::log(normalizer_);
        return RowFault::none;
    }

private:
    uint64_t sum_weights() {
        const Sums sums = lanes_.sums(row_, next_, size_, max_, rules_.scale, block_totals_.data());
        normalizer_ = sums.normalizer;
        return sums.total;
    }

    int64_t choose(uint64_t bits) {
        if (rules_.scale == 0) return first_maximum();
        if (rules_.top_k == 0 && rules_.nucleus == 0 && rules_.min_weight == 0) return choose_of_all(bits);
        return choose_of_kept(bits);
    }

    int64_t first_maximum() {
        lanes_.collect(row_, size_, max_, ids_.get(), values_.get());
        return ids_[0];
    }

    int64_t choose_of_all(uint64_t bits) {
        uint64_t target = scaled(bits, sum_weights());
        size_t block = 0;
        while (target >= block_totals_[block]) target -= block_totals_[block++];
        const size_t begin = block * kBlock, end = std::min(begin + kBlock, size_);
        lanes_.widen(row_, begin, end, values_.get());
        lanes_.weights(values_.get(), end - begin, max_, rules_.scale, weights_.get());
        size_t i = 0;
        while (target >= weights_[i]) target -= weights_[i++];
        return static_cast<int64_t>(begin + i);
    }

    int64_t choose_of_kept(uint64_t bits) {
        uint64_t needed = 0;
        float floor = kLowest;
        if (rules_.top_k != 0) {
            floor = kth_group_maximum();
        } else if (rules_.nucleus != 0) {
            const uint64_t total = sum_weights();
            needed = scaled_up(rules_.nucleus, total);
            // top-p may drop a total weight of total - needed. Even if all tokens that weigh less than an equal share of
            // this weight are dropped, they do not exceed it.
            floor = logit_below(max_, rules_.scale, (total - needed) / size_);
        } else {
            floor = logit_below(max_, rules_.scale, rules_.min_weight);
        }
        gather(floor);
        if (rules_.top_k != 0) {
            keep_top(candidates_, rules_.top_k);
            if (rules_.nucleus != 0) needed = scaled_up(rules_.nucleus, weight_of(candidates_.begin(), candidates_.end()));
        }
        if (rules_.nucleus != 0) keep_nucleus(candidates_, needed);
        std::erase_if(candidates_, [this](const Candidate& c) { return c.weight < rules_.min_weight; });
        return walk(bits);
    }

    // A lower bound of the k-th largest logit, because k groups contain a logit that is at least as large.
    float kth_group_maximum() {
        if (group_maxima_.size() < rules_.top_k) return kLowest;
        // Only the groups of tiles that contain values count.
        const size_t groups = (size_ + kLanes * depth_ - 1) / (kLanes * depth_) * kLanes;
        if (groups < rules_.top_k) return kLowest;
        const auto nth = group_maxima_.begin() + static_cast<ptrdiff_t>(rules_.top_k) - 1;
        std::nth_element(group_maxima_.begin(), nth, group_maxima_.begin() + static_cast<ptrdiff_t>(groups), std::greater<>{});
        return *nth;
    }

    void gather(float floor) {
        const size_t count = lanes_.collect(row_, size_, floor, ids_.get(), values_.get());
        lanes_.weights(values_.get(), count, max_, rules_.scale, weights_.get());
        candidates_.resize(count);
        for (size_t i = 0; i < count; ++i) candidates_[i] = {values_[i], ids_[i], weights_[i]};
    }

    int64_t walk(uint64_t bits) {
        std::sort(candidates_.begin(), candidates_.end(), [](const Candidate& a, const Candidate& b) { return a.id < b.id; });
        uint64_t target = scaled(bits, weight_of(candidates_.begin(), candidates_.end()));
        auto chosen = candidates_.begin();
        while (target >= chosen->weight) target -= (chosen++)->weight;
        return chosen->id;
    }

    const SamplingLanes& lanes_;
    const SamplingRules& rules_;
    size_t size_;
    size_t depth_;
    const void *row_ = nullptr, *next_ = nullptr;
    float max_ = 0;
    double normalizer_ = 0;  // of the row; 0 until it is computed
    std::vector<float> group_maxima_;
    std::vector<uint64_t> block_totals_;
    // Uninitialised, because filling them with zeros took as long as sampling three rows.
    std::unique_ptr<uint32_t[]> ids_;
    std::unique_ptr<float[]> values_;
    std::unique_ptr<uint64_t[]> weights_;
    std::vector<Candidate> candidates_;
};

}  // namespace

uint64_t philox(const uint64_t counter[4]) {
    uint32_t key0 = static_cast<uint32_t>(counter[0]), key1 = static_cast<uint32_t>(counter[0] >> 32);
    uint32_t word[4] = {static_cast<uint32_t>(counter[1]), static_cast<uint32_t>(counter[1] >> 32), static_cast<uint32_t>(counter[2]),
                        static_cast<uint32_t>(counter[3])};
    for (int round = 0; round < 10; ++round, key0 += 0x9E3779B9u, key1 += 0xBB67AE85u) {
        const uint64_t first = uint64_t{0xD2511F53u} * word[0], second = uint64_t{0xCD9E8D57u} * word[2];
        const uint32_t next[4] = {static_cast<uint32_t>(second >> 32) ^ word[1] ^ key0, static_cast<uint32_t>(second),
                                  static_cast<uint32_t>(first >> 32) ^ word[3] ^ key1, static_cast<uint32_t>(first)};
        std::copy(next, next + 4, word);
    }
    return word[0] | (uint64_t{word[1]} << 32);
}

SamplingOutcome sample_tokens(const Logits& logits, const SamplingRules& rules, const uint64_t* counters, Isa isa, int64_t* tokens,
                              double* logprobs) {
    Sampler sampler(table_for<SamplingTables>(isa)[static_cast<size_t>(logits.format)], rules, logits.vocabulary);
    for (size_t row = 0; row < logits.rows; ++row) {
        const char* at = static_cast<const char*>(logits.data) + static_cast<ptrdiff_t>(row) * logits.stride;
        const char* next = row + 1 < logits.rows ? at + logits.stride : at;
        const RowFault fault = sampler.sample(at, next, philox(counters + 4 * row), tokens[row], logprobs[row]);
        if (fault != RowFault::none) return {fault, row};
    }
    return {};
}

}  // namespace lmsi

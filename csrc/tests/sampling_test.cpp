// Tests of the sampler without Python: published random numbers, equal results on every instruction set, hostile rows.
#include "../sampling/sampling.hpp"
#include "check.hpp"

#include <cmath>
#include <cstdio>
#include <limits>
#include <vector>

namespace {

struct Drawn {
    std::vector<int64_t> tokens;
    std::vector<double> logprobs;
    lmsi::SamplingOutcome outcome;
    bool operator==(const Drawn& other) const { return tokens == other.tokens && logprobs == other.logprobs; }
};

Drawn draw(const std::vector<float>& logits, size_t rows, const lmsi::SamplingRules& rules, lmsi::Isa isa) {
    std::vector<uint64_t> counters;
    for (uint64_t row = 0; row < rows; ++row) counters.insert(counters.end(), {7, 0x9E3779B97F4A7C15u, row, 3});
    const size_t vocabulary = logits.size() / rows;
    const lmsi::Logits view{logits.data(), lmsi::NumberFormat::float32, rows, vocabulary,
                            static_cast<ptrdiff_t>(vocabulary * sizeof(float))};
    Drawn drawn{std::vector<int64_t>(rows, -1), std::vector<double>(rows), {}};
    drawn.outcome = lmsi::sample_tokens(view, rules, counters.data(), isa, drawn.tokens.data(), drawn.logprobs.data());
    return drawn;
}

constexpr float kScale = 1.4426950408889634f;
constexpr uint64_t kHalf = uint64_t{1} << 63;
constexpr lmsi::SamplingRules kRules[] = {{kScale, 0, 0, 0},     {kScale / 0.7f, 40, kHalf + kHalf / 2, 0},
                                          {kScale, 0, kHalf, 0}, {kScale, 0, 0, uint64_t{1} << 40},
                                          {kScale, 3, 0, 0},     {0, 0, 0, 0},
                                          {1e38f, 0, 0, 0},      {kScale, ~uint64_t{0}, ~uint64_t{0}, uint64_t{1} << 44}};

std::vector<float> some_logits(size_t size) {
    std::vector<float> logits(size);
    uint64_t counter[4] = {1, 2, 3, 0};
    for (float& logit : logits) {
        logit = static_cast<float>(lmsi::philox(counter) >> 40) / 4194304.0f - 2.0f;
        if (counter[3]++ % 5 == 0) logit = -std::numeric_limits<float>::infinity();
        if (counter[3] % 7 == 0) logit = 1.0f;  // ties
    }
    return logits;
}

void philox_matches_random123() {
    const uint64_t counter[4] = {0x299F31D0A4093822u, 0x85A308D3243F6A88u, 0x13198A2E, 0x03707344};
    check(lmsi::philox(counter) == 0x94FDCCEBD16CFE09u, "Random123's known answer");
}

void instruction_sets_agree() {
    for (const size_t vocabulary : {2, 15, 16, 17, 255, 256, 257, 1000, 5000}) {
        const std::vector<float> logits = some_logits(8 * vocabulary);
        for (const lmsi::SamplingRules& rules : kRules) {
            const Drawn scalar = draw(logits, 8, rules, lmsi::Isa::scalar);
            for (const char* name : {"avx2", "avx512", "avx512bf16"})
                if (const auto isa = lmsi::isa_named(name)) check(draw(logits, 8, rules, *isa) == scalar, name);
            for (size_t row = 0; row < 8; ++row) {
                const int64_t token = scalar.tokens[row];
                check(token >= 0 && static_cast<size_t>(token) < vocabulary, "token in range");
                check(std::isfinite(logits[row * vocabulary + static_cast<size_t>(token)]), "no masked token");
            }
        }
    }
}

void largest_vocabulary_does_not_overflow() {
    const std::vector<float> logits(lmsi::kMaxVocabulary, 0.0f);
    const Drawn drawn = draw(logits, 1, kRules[0], lmsi::best_isa());
    check(std::fabs(drawn.logprobs[0] + std::log(static_cast<double>(lmsi::kMaxVocabulary))) < 1e-6, "even distribution");
    check(draw(logits, 1, kRules[2], lmsi::best_isa()).tokens[0] <= static_cast<int64_t>(lmsi::kMaxVocabulary / 2), "top half");
}

void faults_name_the_row() {
    constexpr float inf = std::numeric_limits<float>::infinity();
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const std::pair<float, lmsi::RowFault> cases[] = {
        {nan, lmsi::RowFault::nan}, {-nan, lmsi::RowFault::nan}, {inf, lmsi::RowFault::infinite}};
    for (const auto& [value, fault] : cases) {
        for (size_t at = 0; at < 40; ++at) {
            std::vector<float> logits(80, 0.5f);
            logits[40 + at] = value;
            const Drawn drawn = draw(logits, 2, kRules[1], lmsi::best_isa());
            check(drawn.outcome.fault == fault && drawn.outcome.row == 1, "fault and row");
        }
    }
    check(draw(std::vector<float>(9, -inf), 1, kRules[0], lmsi::best_isa()).outcome.fault == lmsi::RowFault::empty, "empty");
}

}  // namespace

int main() {
    philox_matches_random123();
    instruction_sets_agree();
    largest_vocabulary_does_not_overflow();
    faults_name_the_row();
    std::puts("sampling: ok");
}

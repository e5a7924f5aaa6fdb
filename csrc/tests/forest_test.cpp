// Tests of the attention of packed trees without Python: every instruction set against sums in double, forward and backward.
#include "../attention/forest.hpp"

#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "../simd/numbers.hpp"
#include "check.hpp"
#include "test_numbers.hpp"

namespace {

// Two groups of queries share one key head. Blocks of 256 queries and chunks of 128 keys are crossed, sizes are odd, and a
// segment is empty.
constexpr size_t kTokens = 330, kGroups = 2, kWidth = 32;
constexpr float kScale = 0.5f;
const std::vector<lmsi::Segment> kSegments = {{0, 201, -1}, {201, 1, 0}, {202, 0, 0}, {202, 90, 1}, {292, 37, -1}};  // token 329 is in none

std::vector<uint16_t> halves(size_t count, uint64_t stream) {
    std::vector<uint16_t> made;
    for (const float number : numbers(count, stream)) made.push_back(static_cast<uint16_t>(lmsi::bfloat16_of(number)));
    return made;
}

const std::vector<uint16_t> kQueries = halves(kTokens * kGroups * kWidth, 1), kKeys = halves(kTokens * kWidth, 2),
                            kValues = halves(kTokens * kWidth, 3), kOfOutput = halves(kTokens * kGroups * kWidth, 4);

double dot(const uint16_t* a, const uint16_t* b) {
    double sum = 0;
    for (size_t d = 0; d < kWidth; ++d) sum += double{lmsi::float_of(a[d])} * lmsi::float_of(b[d]);
    return sum;
}

// The tokens that a token attends to.
std::vector<size_t> seen(size_t which, size_t token) {
    std::vector<size_t> tokens;
    for (auto t = static_cast<size_t>(kSegments[which].start); t <= token; ++t) tokens.push_back(t);
    for (int64_t i = kSegments[which].before; i >= 0; i = kSegments[static_cast<size_t>(i)].before)
        for (int64_t t = 0; t < kSegments[static_cast<size_t>(i)].length; ++t)
            tokens.push_back(static_cast<size_t>(kSegments[static_cast<size_t>(i)].start + t));
    return tokens;
}

struct Results {
    std::vector<double> output = std::vector<double>(kTokens * kGroups * kWidth), of_queries = output,
                        of_keys = std::vector<double>(kTokens * kWidth), of_values = of_keys;
};

void add_query(size_t token, size_t group, const std::vector<size_t>& keys, Results& to) {
    const size_t at = (token * kGroups + group) * kWidth;
    std::vector<double> weights, of_weights;
    double total = 0, delta = 0;
    for (const size_t key : keys) total += weights.emplace_back(std::exp(kScale * dot(&kQueries[at], &kKeys[key * kWidth])));
    for (size_t k = 0; k < keys.size(); ++k) {
        weights[k] /= total;
        of_weights.push_back(dot(&kOfOutput[at], &kValues[keys[k] * kWidth]));
        delta += weights[k] * of_weights[k];
    }
    for (size_t k = 0; k < keys.size(); ++k) {
        const double of_score = weights[k] * (of_weights[k] - delta) * kScale;
        for (size_t d = 0, key = keys[k] * kWidth; d < kWidth; ++d, ++key) {
            to.output[at + d] += weights[k] * lmsi::float_of(kValues[key]);
            to.of_values[key] += weights[k] * lmsi::float_of(kOfOutput[at + d]);
            to.of_queries[at + d] += of_score * lmsi::float_of(kKeys[key]);
            to.of_keys[key] += of_score * lmsi::float_of(kQueries[at + d]);
        }
    }
}

Results expected() {
    Results made;
    for (size_t i = 0; i < kSegments.size(); ++i)
        for (int64_t t = 0; t < kSegments[i].length; ++t)
            for (size_t group = 0; group < kGroups; ++group) {
                const auto token = static_cast<size_t>(kSegments[i].start + t);
                add_query(token, group, seen(i, token), made);
            }
    return made;
}

// The distance of two vectors, relative to the length of the second one.
double error(const std::vector<double>& found, const std::vector<double>& wanted) {
    double apart = 0, size = 0;
    for (size_t i = 0; i < wanted.size(); ++i) apart += (found[i] - wanted[i]) * (found[i] - wanted[i]), size += wanted[i] * wanted[i];
    return std::sqrt(apart / size);
}

std::vector<double> doubles(const std::vector<uint16_t>& halves_of) {
    std::vector<double> made;
    for (const uint16_t half : halves_of) made.push_back(lmsi::float_of(half));
    return made;
}

void test_attention(lmsi::Isa isa, const Results& wanted) {
    const lmsi::ForestHead head{kQueries.data(), kKeys.data(), kValues.data(), kGroups * kWidth, kWidth,
                                kGroups,         kWidth,       kScale,         kSegments.data(), kSegments.size()};
    std::vector<uint16_t> output(kQueries.size()), of_queries(kQueries.size());
    std::vector<float> logs(kTokens * kGroups), of_keys(kKeys.size()), of_values(kKeys.size());
    lmsi::attend_forest(head, isa, {output.data(), logs.data()});
    lmsi::differentiate_forest(head, isa,
                               {output.data(), kOfOutput.data(), logs.data(), of_queries.data(), of_keys.data(), of_values.data()});
    const std::string name = lmsi::isa_name(isa);
    check(error(doubles(output), wanted.output) < 0.005, "output of " + name);
    check(error(doubles(of_queries), wanted.of_queries) < 0.01, "gradient of queries of " + name);
    check(error({of_keys.begin(), of_keys.end()}, wanted.of_keys) < 0.01, "gradient of keys of " + name);
    check(error({of_values.begin(), of_values.end()}, wanted.of_values) < 0.01, "gradient of values of " + name);
    check(output.back() == 0 && of_queries.back() == 0, "a token in no segment gets nothing: " + name);
}

}  // namespace

int main() {
    const Results wanted = expected();
    for (const char* name : {"scalar", "avx2", "avx512", "avx512bf16"})
        if (const auto isa = lmsi::isa_named(name)) test_attention(*isa, wanted);
    std::puts("forest: all tests passed");
}

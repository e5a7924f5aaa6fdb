#include "votes.hpp"

#include <cmath>
#include <utility>

namespace lmsi {
namespace {

// Adds `value` to a list of non-overlapping numbers, so that the sum of the list is exact (Shewchuk, 1997).
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
    // If the sum is halfway between two doubles, the remaining partials decide how it is rounded.
    if (!partials.empty() && ((rest < 0 && partials.back() < 0) || (rest > 0 && partials.back() > 0))) {
        const double doubled = rest * 2, rounded = sum + doubled;
        if (doubled == rounded - sum) sum = rounded;
    }
    return sum;
}

}  // namespace lmsi

// Tests of int8 layers without Python: every instruction set gives the bits of a plain computation for odd sizes, zeros and
// outliers, numbers that are not finite stay so, and rows are independent. Scratch memory is filled with NaN here.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "../decoder/decoder.hpp"
#include "check.hpp"
#include "test_numbers.hpp"

namespace {

constexpr size_t kRotated = 64, kBlock = 192;
constexpr const char* kNames[] = {"scalar", "avx2", "avx512", "avx512bf16"};

struct Row {
    std::vector<float> q;
    float scale;
};

// Multiplies each group of 64 numbers, padded with zeros, by a Hadamard matrix.
std::vector<float> rotated(std::vector<float> x) {
    x.resize((x.size() + kRotated - 1) / kRotated * kRotated);
    for (size_t h = 1; h < kRotated; h *= 2)
        for (size_t i = 0; i < x.size(); ++i)
            if ((i & h) == 0) {
                const float low = x[i], high = x[i + h];
                x[i] = low + high;
                x[i + h] = low - high;
            }
    return x;
}

Row rounded(const float* x, size_t count) {
    float largest = 0;
    for (size_t k = 0; k < count; ++k) largest = std::max(largest, std::abs(x[k]));
    const float factor = largest > 0x1p-100f ? 127 / largest : 0;
    Row made{std::vector<float>(count), largest / 127};
    for (size_t k = 0; k < count; ++k) made.q[k] = std::nearbyint(x[k] * factor);
    return made;
}

// The product of a row [in] and a weight [out][in], computed one number at a time.
std::vector<float> expected(const std::vector<float>& x, const std::vector<float>& weight, size_t out) {
    const std::vector<float> inputs = rotated(x);
    std::vector<float> y(out);
    for (size_t i = 0; i < out; ++i) {
        const auto first = weight.begin() + static_cast<std::ptrdiff_t>(i * x.size());
        const std::vector<float> row = rotated({first, first + static_cast<std::ptrdiff_t>(x.size())});
        const Row column = rounded(row.data(), row.size());
        float total = 0;
        for (size_t begin = 0; begin < inputs.size(); begin += kBlock) {
            const Row block = rounded(&inputs[begin], std::min(kBlock, inputs.size() - begin));
            int64_t sum = 0;
            for (size_t k = 0; k < block.q.size(); ++k) sum += static_cast<int64_t>(block.q[k]) * static_cast<int64_t>(column.q[begin + k]);
            const float product = static_cast<float>(sum) * block.scale;
            total = begin > 0 ? total + product : product;
        }
        y[i] = total * (column.scale / kRotated);
    }
    return y;
}

// Numbers whose rows are, in turn, ordinary ones, zeros, ordinary ones with an outlier, and very small ones.
std::vector<float> hostile(size_t rows, size_t width, uint64_t stream) {
    std::vector<float> made = numbers(rows * width, stream);
    for (size_t row = 0; row < rows; ++row)
        for (size_t k = 0; k < width; ++k) {
            float& number = made[row * width + k];
            if (row % 4 == 1) number = 0;
            if (row % 4 == 2 && k == width / 2) number = 1e5f;
            if (row % 4 == 3) number *= 1e-36f;
        }
    return made;
}

std::vector<float> applied(const lmsi::Linear& layer, const std::vector<float>& x, lmsi::Isa isa) {
    const size_t rows = x.size() / layer.in();
    std::vector<float> y(rows * layer.out(), 7);
    layer.apply(x.data(), rows, isa, y.data());
    std::vector<float> twice = y;
    layer.apply(x.data(), rows, isa, twice.data(), lmsi::Results::added);
    for (size_t i = 0; i < y.size(); ++i) check(std::isnan(y[i]) || twice[i] == y[i] + y[i], "a product must be added to y");
    return y;
}

lmsi::Linear linear(const std::vector<float>& weight, size_t in, size_t out) {
    return {weight.data(), nullptr, lmsi::NumberFormat::float32, in, out, true};
}

bool same(const float* one, const std::vector<float>& other) { return std::memcmp(one, other.data(), other.size() * sizeof(float)) == 0; }

void bits_equal_those_of_a_plain_computation(size_t rows, size_t in, size_t out, lmsi::Isa isa, const std::string& name) {
    const std::vector<float> weight = hostile(out, in, 1), x = hostile(rows, in, 2);
    const lmsi::Linear layer = linear(weight, in, out);
    const std::vector<float> y = applied(layer, x, isa);
    for (size_t row = 0; row < rows; ++row) {
        const auto first = x.begin() + static_cast<std::ptrdiff_t>(row * in);
        const std::vector<float> one{first, first + static_cast<std::ptrdiff_t>(in)}, plain = expected(one, weight, out);
        for (size_t i = 0; i < out; ++i) check(y[row * out + i] == plain[i], name + " must equal a plain computation");
        check(same(&y[row * out], applied(layer, one, isa)), name + ": a row must have the same bits alone and in a batch");
    }
}

void numbers_that_are_not_finite_stay_so(lmsi::Isa isa, const std::string& name) {
    constexpr size_t kRows = 3, kIn = 200, kOut = 20;
    for (const float bad : {std::nanf(""), HUGE_VALF, -HUGE_VALF, 3e38f}) {  // a rotation of the last one overflows
        std::vector<float> weight = numbers(kOut * kIn, 3), x = numbers(kRows * kIn, 4);
        x[kIn + 150] = x[kIn + 151] = bad;                      // row 1
        weight[5 * kIn + 198] = weight[5 * kIn + 199] = bad;  // output 5
        const std::vector<float> y = applied(linear(weight, kIn, kOut), x, isa);
        for (size_t row = 0; row < kRows; ++row)
            for (size_t i = 0; i < kOut; ++i)
                check(std::isfinite(y[row * kOut + i]) == (row != 1 && i != 5), name + ": NaN and inf must not be lost or spread");
    }
}

void bfloat16_weights_and_biases_are_read(lmsi::Isa isa, const std::string& name) {
    constexpr size_t kIn = 70, kOut = 20;
    std::vector<float> weight = numbers(kOut * kIn, 5), bias = numbers(kOut, 6);
    const std::vector<float> x = numbers(kIn, 7);
    std::vector<uint16_t> weight_bits, bias_bits;
    for (float& number : weight)
        weight_bits.push_back(static_cast<uint16_t>(lmsi::bfloat16_of(number))), number = lmsi::float_of(weight_bits.back());
    for (float& number : bias)
        bias_bits.push_back(static_cast<uint16_t>(lmsi::bfloat16_of(number))), number = lmsi::float_of(bias_bits.back());
    const lmsi::Linear layer(weight_bits.data(), bias_bits.data(), lmsi::NumberFormat::bfloat16, kIn, kOut, true);
    std::vector<float> y(kOut);
    layer.apply(x.data(), 1, isa, y.data());
    const std::vector<float> plain = expected(x, weight, kOut);
    for (size_t i = 0; i < kOut; ++i) check(y[i] == plain[i] + bias[i], name + ": weights and bias must be read as bfloat16");
}

void results_around_the_cache_are_the_same(lmsi::Isa isa, const std::string& name) {
    constexpr size_t kRows = 70, kIn = 8, kOut = 64'000;  // 18 MB
    const lmsi::Linear layer = linear(numbers(kOut * kIn, 8), kIn, kOut);
    const std::vector<float> x = numbers(kRows * kIn, 9), written = applied(layer, x, isa);
    lmsi::Lines<float> streamed(kRows * kOut);
    layer.apply(x.data(), kRows, isa, streamed.data(), lmsi::Results::streamed);
    check(same(streamed.data(), written), name + ": results around the cache must be the same");
}

}  // namespace

int main() {
    for (const char* name : kNames) {
        const auto isa = lmsi::isa_named(name);
        if (!isa) continue;
        for (const auto& [rows, in, out] :
             {std::array<size_t, 3>{1, 1, 1}, {2, 3, 17}, {5, 64, 16}, {7, 191, 33}, {19, 193, 5}, {37, 650, 40}})
            bits_equal_those_of_a_plain_computation(rows, in, out, *isa, name);
        bits_equal_those_of_a_plain_computation(3, 70, 9000, *isa, name);  // more outputs than are multiplied together
        numbers_that_are_not_finite_stay_so(*isa, name);
        bfloat16_weights_and_biases_are_read(*isa, name);
        results_around_the_cache_are_the_same(*isa, name);
    }
    std::puts("int8: ok");
}

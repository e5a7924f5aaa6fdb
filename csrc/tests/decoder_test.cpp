// Tests of the decoder without Python: every instruction set and both number formats, prompts in one call or token by
// token, and independence of rows. Scratch memory is filled with NaN here, so that a read before the first write makes
// a test fail.
#include "../decoder/decoder.hpp"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "check.hpp"
#include "test_numbers.hpp"

namespace {

using lmsi::NumberFormat;

// No size is a multiple of 16, the lanes of an AVX-512 vector, and the last block of the vocabulary is incomplete.
constexpr size_t kSize = 40, kHeads = 3, kKeyHeads = 1, kWidth = 12, kInner = 50, kVocabulary = 1030,
                 kLayers = 2;  // the second layer has norms of queries and keys, and rotates them
constexpr size_t kPadded = 16, kCapacity = 64, kSlots = 3;

// The bytes of the numbers in the given format.
std::vector<char> stored(const std::vector<float>& given, NumberFormat format) {
    const size_t size = format == NumberFormat::float32 ? 4 : 2;
    std::vector<char> bytes(given.size() * size);
    for (size_t i = 0; i < given.size(); ++i) {
        const uint32_t bits = format == NumberFormat::float32 ? std::bit_cast<uint32_t>(given[i]) : lmsi::bfloat16_of(given[i]);
        std::memcpy(bytes.data() + i * size, &bits, size);
    }
    return bytes;
}

std::shared_ptr<const lmsi::Linear> linear(size_t in, size_t out, NumberFormat format, uint64_t stream, bool bias = true) {
    std::vector<float> weight = numbers(in * out, stream);
    for (float& number : weight) number *= 0.2f;
    const std::vector<char> biases = stored(numbers(out, stream + 1), format);
    return std::make_shared<lmsi::Linear>(stored(weight, format).data(), bias ? biases.data() : nullptr, format, in, out);
}

lmsi::Decoder decoder(NumberFormat format) {
    std::vector<lmsi::DecoderLayer> layers;
    for (uint64_t layer = 0; layer < kLayers; ++layer) {
        const uint64_t stream = 100 * (layer + 1);
        layers.push_back({numbers(kSize, stream), numbers(kSize, stream + 1),
                          linear(kSize, (kHeads + 2 * kKeyHeads) * kWidth, format, stream + 2),
                          linear(kHeads * kWidth, kSize, format, stream + 4), linear(kSize, 2 * kInner, format, stream + 6),
                          linear(kInner, kSize, format, stream + 8), numbers(layer * kWidth, stream + 10),
                          numbers(layer * kWidth, stream + 11), layer > 0});
    }
    const lmsi::Decoder::Shape shape{kSize, kHeads, kKeyHeads, kWidth, 1e-5f};
    return lmsi::Decoder(shape, std::move(layers), numbers(kSize, 7), linear(kSize, kVocabulary, format, 8));
}

// The prefixes and the paths' own keys and values of every layer.
struct Memory {
    explicit Memory(NumberFormat as) : format(as) {
        for (uint64_t layer = 0; layer < kLayers; ++layer) {
            shared.push_back(prefixes({7}, 1000 + layer));
            questions.push_back(prefixes({3, 0}, 2000 + layer));
            const size_t bytes = kSlots * kKeyHeads * kCapacity * kPadded * (format == NumberFormat::float32 ? 4 : 2);
            keys.emplace_back(bytes);
            values.emplace_back(bytes);
        }
    }
    lmsi::Prefixes prefixes(const std::vector<size_t>& lengths, uint64_t stream) const {
        const size_t count = lengths.size() * kKeyHeads * 8 * kWidth;
        return {stored(numbers(count, stream), format).data(),
                stored(numbers(count, stream + 500), format).data(),
                format,
                kKeyHeads,
                8,
                kWidth,
                lengths};
    }
    NumberFormat format;
    std::vector<lmsi::Prefixes> shared, questions;
    std::vector<std::vector<char>> keys, values;
};

// The logits after a step with the embeddings `embedded` [rows][kSize] of the paths' new tokens.
std::vector<float> step(const lmsi::Decoder& model, Memory& memory, const std::vector<lmsi::Path>& paths, std::vector<float> embedded,
                        lmsi::Isa isa) {
    const size_t rows = paths.size();
    std::vector<float> cosines, sines;
    for (const lmsi::Path& path : paths)
        for (size_t i = 0; i < kWidth; ++i) {
            const float angle = static_cast<float>(path.length + 10) / static_cast<float>(1 + i % (kWidth / 2));
            cosines.push_back(std::cos(angle));
            sines.push_back(std::sin(angle));
        }
    std::vector<lmsi::Decoder::Level> levels;
    for (size_t layer = 0; layer < kLayers; ++layer)
        levels.push_back({&memory.shared[layer],
                          &memory.questions[layer],
                          {memory.format, rows, kHeads / kKeyHeads, nullptr, memory.keys[layer].data(), memory.values[layer].data(),
                           kCapacity, paths.data(), 1 / std::sqrt(static_cast<float>(kWidth))}});
    std::vector<float> logits(rows * kVocabulary);
    model.step(embedded.data(), rows, cosines.data(), sines.data(), levels, isa, logits.data());
    return logits;
}

// Computes a prompt of 37 tokens for one of three paths, in one call or token by token, and then one step of all three
// paths, which belong to two questions. Returns the logits of that step.
std::vector<float> run(const lmsi::Decoder& model, NumberFormat format, lmsi::Isa isa, bool in_one_call) {
    constexpr size_t kPrompt = 37;
    Memory memory(format);
    const std::vector<float> embedded = numbers(kPrompt * kSize, 42);
    std::vector<lmsi::Path> prompt;
    for (size_t i = 0; i < kPrompt; ++i) prompt.push_back({0, 1, static_cast<int64_t>(i)});
    if (in_one_call) {
        step(model, memory, prompt, embedded, isa);
    } else {
        for (size_t i = 0; i < kPrompt; ++i) {
            const auto first = embedded.begin() + static_cast<std::ptrdiff_t>(i * kSize);
            step(model, memory, {prompt[i]}, {first, first + kSize}, isa);
        }
    }
    return step(model, memory, {{0, 0, 0}, {0, 1, kPrompt}, {1, 2, 0}}, numbers(3 * kSize, 43), isa);
}

float largest_difference(const std::vector<float>& one, const std::vector<float>& other) {
    float largest = 0;
    for (size_t i = 0; i < one.size(); ++i) {
        check(std::isfinite(one[i]) && std::isfinite(other[i]), "logits must be finite");
        largest = std::max(largest, std::abs(one[i] - other[i]));
    }
    return largest;
}

void instruction_sets_and_formats_agree() {
    const std::vector<float> exact = run(decoder(NumberFormat::float32), NumberFormat::float32, lmsi::Isa::scalar, true);
    for (const NumberFormat format : {NumberFormat::float32, NumberFormat::bfloat16}) {
        const lmsi::Decoder model = decoder(format);
        const float bound = format == NumberFormat::float32 ? 1e-4f : 0.2f;  // logits are of the order of 1
        for (const char* name : {"scalar", "avx2", "avx512", "avx512bf16"}) {
            const auto isa = lmsi::isa_named(name);
            if (!isa) continue;
            const std::vector<float> whole = run(model, format, *isa, true), single = run(model, format, *isa, false);
            check(largest_difference(whole, exact) < bound, std::string(name) + " must agree with float32 without vectors");
            check(largest_difference(whole, single) < bound,
                  std::string(name) + ": logits must be the same in one call and token by token");
        }
    }
}

void rows_are_independent() {
    const lmsi::Decoder model = decoder(NumberFormat::bfloat16);
    const std::vector<float> embedded = numbers(3 * kSize, 44);
    const std::vector<lmsi::Path> paths{{0, 0, 0}, {0, 1, 0}, {1, 2, 0}};
    Memory together(NumberFormat::bfloat16);
    const std::vector<float> all = step(model, together, paths, embedded, lmsi::best_isa());
    for (size_t row = 0; row < paths.size(); ++row) {
        Memory alone(NumberFormat::bfloat16);
        const auto first = embedded.begin() + static_cast<std::ptrdiff_t>(row * kSize);
        const std::vector<float> one = step(model, alone, {paths[row]}, {first, first + kSize}, lmsi::best_isa());
        check(std::memcmp(one.data(), all.data() + row * kVocabulary, kVocabulary * sizeof(float)) == 0,
              "a row must have the same bits alone and in a batch");
    }
}

void each_isa_and_format(const std::function<void(lmsi::Isa, NumberFormat)>& test) {
    for (const char* name : {"scalar", "avx2", "avx512", "avx512bf16"})
        for (const NumberFormat format : {NumberFormat::float32, NumberFormat::bfloat16})
            if (const auto isa = lmsi::isa_named(name)) test(*isa, format);
}

// Weights in one group, in several groups of halves and of all columns, with one block of depth and with several, and results that
// are stored around the cache, if they are aligned.
constexpr std::pair<size_t, size_t> kShapes[] = {{40, 96}, {141, 2560}, {141, 1184}, {33, 50}, {8, 65'536}, {8, 65'537}};
constexpr size_t kRows = 70;

void products_equal_sums_and_rows() {
    each_isa_and_format([](lmsi::Isa isa, NumberFormat format) {
        for (const auto& [in, out] : kShapes) {
            const auto layer = linear(in, out, format, 9, false);
            const std::vector<float> weight = numbers(in * out, 9), x = numbers(kRows * in, 10);
            lmsi::Lines<float> y(kRows * out + 1), shifted(kRows * out + 1), one(out);
            layer->apply(x.data(), kRows, isa, y.data(), lmsi::Results::streamed);
            layer->apply(x.data(), kRows, isa, shifted.data() + 1, lmsi::Results::streamed);
            check(std::memcmp(y.data(), shifted.data() + 1, kRows * out * sizeof(float)) == 0, "results must not depend on alignment");
            for (size_t row = 0; row < kRows; ++row) {
                layer->apply(x.data() + row * in, 1, isa, one.data());
                check(std::memcmp(one.data(), y.data() + row * out, out * sizeof(float)) == 0,
                      "a row must be the same alone and in a batch");
            }
            for (size_t column = 0; column < out; column += 7) {
                double sum = 0;
                for (size_t i = 0; i < in; ++i) sum += 0.2 * weight[column * in + i] * x[69 * in + i];
                check(std::abs(sum - y[69 * out + column]) < (format == NumberFormat::float32 ? 1e-4 : 0.1), "a product must be the sum");
            }
        }
    });
}

void gates_are_activated() {
    each_isa_and_format([](lmsi::Isa isa, NumberFormat format) {
        for (const auto& [in, out] : kShapes)
            for (const bool bias : {false, true}) {
                const auto layer = linear(in, out, format, 9, bias);
                const size_t half = out / 2;
                const std::vector<float> x = numbers(kRows * in, 10);
                lmsi::Lines<float> y(kRows * out), scratch(kRows * out), gated(kRows * half);
                if (out % 2 != 0) continue;
                layer->apply(x.data(), kRows, isa, y.data());
                layer->gate(x.data(), kRows, isa, scratch.data(), gated.data());
                for (size_t i = 0; i < kRows * half; ++i) {
                    const float gate = y[i / half * out + i % half], up = y[i / half * out + half + i % half];
                    check(std::abs(gated[i] - gate / (1 + std::exp(-gate)) * up) < 1e-5f, "a gate must be silu(gate) * up");
                }
            }
    });
}

// Keys and values that are appended in two parts give the same bits as all of them at once.
void appended_prefixes_equal_whole_ones() {
    constexpr size_t kTwo = 2, kWide = 20, kLine = 32, kLong = 37;
    for (const NumberFormat format : {NumberFormat::float32, NumberFormat::bfloat16}) {
        const size_t size = format == NumberFormat::float32 ? 4 : 2, first = 19 * kLine * size;
        const std::vector<size_t> lengths{kLong, 5}, room{60, 5};
        const std::vector<char> keys = stored(numbers(2 * kTwo * kLong * kLine, 11), format);
        const std::vector<char> values = stored(numbers(2 * kTwo * kLong * kLine, 12), format);
        lmsi::Prefixes whole(format, kTwo, kWide, room), parts = whole;
        whole.append(keys.data(), values.data(), kLong, kLine, lengths);
        parts.append(keys.data(), values.data(), kLong, kLine, {19, 5});
        parts.append(keys.data() + first, values.data() + first, kLong, kLine, {18, 0});
        check(parts.lengths() == lengths, "a prefix must have all keys that were appended");
        for (size_t i = 0; i < 2 * kTwo; ++i) {
            const lmsi::Panels one = whole.of(i / kTwo, i % kTwo), other = parts.of(i / kTwo, i % kTwo);
            const size_t bytes = one.padded * kLine * size;
            check(one.length == lengths[i / kTwo] && one.padded == (i < kTwo ? 64 : 16), "panels must be those of the prefix");
            check(std::memcmp(one.keys, other.keys, bytes) == 0, "keys must be the same in two parts");
            check(std::memcmp(one.values, other.values, bytes) == 0, "values must be the same in two parts");
            const char* last = values.data() + ((i * kLong + lengths[i / kTwo] - 1) * kLine + 17) * size;
            const size_t depth = size == 4 ? 1 : 2, k = lengths[i / kTwo] - 1;
            const size_t at = one.padded * 16 + (k / depth * 16 + 1) * depth + k % depth;
            check(std::memcmp(static_cast<const char*>(one.values) + at * size, last, size) == 0, "a value must be in its place");
        }
    }
}

}  // namespace

int main() {
    instruction_sets_and_formats_agree();
    rows_are_independent();
    products_equal_sums_and_rows();
    gates_are_activated();
    appended_prefixes_equal_whole_ones();
    std::puts("decoder: ok");
}

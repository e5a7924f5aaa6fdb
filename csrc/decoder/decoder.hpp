// A decoding step: computes all layers of a Llama-like model for one token of each row.
//
//     x += attention(rotate(normalize(x) qkv)) out
//     x += (silu(gate) * up) down, where [gate, up] = normalize(x) gate_up
//
// If a layer has norms for queries and keys, its queries and keys are normalized before they are rotated.
//
// The specification is the model in transformers. Activations are float32; with bfloat16 weights, the inputs of each
// product are rounded to bfloat16; with int8 weights, they are quantised for each row and block. A row's result does not
// depend on other rows. A step starts no threads.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "../attention/attention.hpp"
#include "int8.hpp"
#include "lanes.hpp"
#include "../simd/isa.hpp"
#include "../simd/lines.hpp"
#include "../simd/numbers.hpp"

namespace lmsi {

// A linear layer. Its weights are packed once, in the order in which a product reads them, or quantised if `int8`.
class Linear {
public:
    // weight [out][in], and a bias [out] or null, both in the same number format
    Linear(const void* weight, const void* bias, NumberFormat format, size_t in, size_t out, bool int8 = false);
    size_t in() const { return layout_.in; }
    size_t out() const { return layout_.out; }
    // y[rows][out] = x[rows][in] weight^T + bias, or +=
    void apply(const float* x, size_t rows, Isa isa, float* y, Results results = Results::written) const;
    // y[rows][out / 2] = silu(gate) * up, where [gate, up] is what `apply` would write. The scratch memory [rows][out] is
    // used unless gate and up are multiplied together.
    void gate(const float* x, size_t rows, Isa isa, float* scratch, float* y) const;

private:
    Packed weight() const;
    NumberFormat format_;
    Lines<uint32_t> words_;  // empty if the weights are quantised
    Packed layout_;          // without words
    Int8Weight int8_;  // empty unless the weights are quantised
    std::vector<float> bias_;  // empty without a bias
};

struct DecoderLayer {
    std::vector<float> attention_norm, mlp_norm;
    std::shared_ptr<const Linear> qkv, out, gate_up, down;
    std::vector<float> query_norm, key_norm;  // [width of a head], as in Qwen3; empty if the layer has no such norms
    bool rotary = true;  // false for a layer that does not rotate queries and keys, such as every fourth layer of SmolLM3
};

class Decoder {
public:
    struct Shape {
        size_t size, heads, key_heads, width;  // size of the hidden state, and width of a head
        float epsilon;
    };
    // The keys and values to which the tokens attend in one layer.
    struct Level {
        const Prefixes *shared, *questions;
        Step step;  // `tokens` is not used
    };

    // Throws std::invalid_argument if the shapes of the layers do not fit together.
    Decoder(Shape shape, std::vector<DecoderLayer> layers, std::vector<float> norm, std::shared_ptr<const Linear> head);
    const Shape& shape() const { return shape_; }
    size_t layers() const { return layers_.size(); }
    size_t vocabulary() const { return head_->out(); }
    // x [rows][size] contains the embeddings, and is overwritten with the hidden states before the last normalization.
    // cos and sin are [rows][width]; levels has one entry per layer. Writes logits [rows][vocabulary], unless `logits` is
    // null. Rows may be consecutive tokens of one path, as in a prompt, because all keys are appended before any is read.
    void step(float* x, size_t rows, const float* cos, const float* sin, const std::vector<Level>& levels, Isa isa, float* logits) const;

private:
    Shape shape_;
    std::vector<DecoderLayer> layers_;
    std::vector<float> norm_;
    std::shared_ptr<const Linear> head_;
};

}  // namespace lmsi

#include "decoder.hpp"

#include <algorithm>
#include <stdexcept>

namespace lmsi {
namespace {

// Columns of a group. With all 49,152 columns of a vocabulary, the sums did not stay in the cache, and products reached 145 instead
// of 205 GFLOP/s; with fewer columns, inputs are converted more often.
constexpr size_t kMostColumns = 1024, kFewestColumns = 512;

// Divides a weight into groups: into groups of halves if both halves consist of equal groups of whole lanes. Only a gate needs halves,
// but other layers lose nothing by them.
Packed grouped(size_t in, size_t out) {
    const size_t half = out / 2 / kLanes;
    size_t lanes = std::min(half, kMostColumns / 2 / kLanes);
    while (lanes > 0 && half % lanes != 0) --lanes;
    const bool halves = out % (2 * kLanes) == 0 && (lanes == half || 2 * lanes * kLanes >= kFewestColumns);
    return {nullptr, in, out, halves ? 2 * lanes * kLanes : std::min(whole_lanes(out), kMostColumns), halves};
}

// The words of Packed; T is the type of the weight's numbers.
template <class T> Lines<uint32_t> packed(const T* weight, const Packed& as) {
    constexpr size_t kDepth = sizeof(uint32_t) / sizeof(T), kDeep = kDepthBlock * kDepth;
    const auto source = [&](size_t done, size_t column, size_t columns) {
        const size_t half = columns / 2;
        if (!as.halves) return done + column;
        return done / 2 + (column < half ? column : as.out / 2 + column - half);
    };
    Lines<uint32_t> words(whole_lanes(as.out) * ((as.in + kDepth - 1) / kDepth));
    T* to = reinterpret_cast<T*>(words.data());
    for (size_t done = 0; done < as.out; done += as.group)
        for (size_t begin = 0; begin < as.in; begin += kDeep) {
            const size_t columns = std::min(as.group, as.out - done), depth = std::min(kDeep, as.in - begin);
            for (size_t column = 0; column < columns; column += kLanes, to += (depth + kDepth - 1) / kDepth * kDepth * kLanes)
                for (size_t j = 0; j < std::min(kLanes, columns - column); ++j) {
                    const size_t from = source(done, column + j, columns);
                    for (size_t k = 0; k < depth; ++k)
                        to[(k / kDepth * kLanes + j) * kDepth + k % kDepth] = weight[from * as.in + begin + k];
                }
        }
    return words;
}

}  // namespace

Linear::Linear(const void* weight, const void* bias, NumberFormat format, size_t in, size_t out, bool int8)
    : format_(format), layout_(grouped(in, out)) {
    const bool wide = format == NumberFormat::float32;
    if (int8) int8_ = quantised(weight, format, in, out);
    else words_ = wide ? packed(static_cast<const float*>(weight), layout_) : packed(static_cast<const uint16_t*>(weight), layout_);
    for (size_t i = 0; bias != nullptr && i < out; ++i)
        bias_.push_back(wide ? static_cast<const float*>(bias)[i] : float_of(static_cast<const uint16_t*>(bias)[i]));
}

Packed Linear::weight() const {
    Packed packed = layout_;
    packed.words = words_.data();
    return packed;
}

void Linear::apply(const float* x, size_t rows, Isa isa, float* y, Results results) const {
    if (results == Results::streamed && !bias_.empty()) results = Results::written;  // the bias is added to what was written
    if (int8_.words.empty()) table_for<DecoderTables>(isa).multiply[static_cast<size_t>(format_)](x, rows, weight(), results, y);
    else table_for<Int8Tables>(isa).multiply(x, rows, {int8_.words.data(), int8_.scales.data(), in(), out()}, results, y);
    for (size_t row = 0; row < rows; ++row)
        for (size_t i = 0; i < bias_.size(); ++i) y[row * out() + i] += bias_[i];
}

void Linear::gate(const float* x, size_t rows, Isa isa, float* scratch, float* y) const {
    const DecoderLanes& lanes = table_for<DecoderTables>(isa);
    if (int8_.words.empty() && bias_.empty() && layout_.halves) {
        lanes.multiply_gated[static_cast<size_t>(format_)](x, rows, weight(), y);
    } else {
        apply(x, rows, isa, scratch);
        lanes.activate(scratch, rows, out() / 2, y);
    }
}

Decoder::Decoder(Shape shape, std::vector<DecoderLayer> layers, std::vector<float> norm, std::shared_ptr<const Linear> head)
    : shape_(shape), layers_(std::move(layers)), norm_(std::move(norm)), head_(std::move(head)) {
    const auto fits = [](const Linear& linear, size_t in, size_t out) { return linear.in() == in && linear.out() == out; };
    const size_t size = shape.size, queries = shape.heads * shape.width, keys = shape.key_heads * shape.width;
    bool fit = shape.key_heads > 0 && shape.heads > 0 && shape.heads % shape.key_heads == 0;
    fit = fit && size > 0 && shape.width > 0 && shape.width % 2 == 0;
    fit = fit && norm_.size() == size && head_ && head_->in() == size;
    for (const DecoderLayer& layer : layers_)
        fit = fit && layer.qkv && layer.out && layer.gate_up && layer.down && layer.attention_norm.size() == size &&
              layer.mlp_norm.size() == size && fits(*layer.qkv, size, queries + 2 * keys) && fits(*layer.out, queries, size) &&
              fits(*layer.gate_up, size, 2 * layer.down->in()) && layer.down->out() == size &&
              (layer.query_norm.empty() || layer.query_norm.size() == shape.width) && layer.key_norm.size() == layer.query_norm.size();
    if (!fit) throw std::invalid_argument("the layers of a decoder do not fit together");
}

void Decoder::step(float* x, size_t rows, const float* cos, const float* sin, const std::vector<Level>& levels, Isa isa,
                   float* logits) const {
    const DecoderLanes& lanes = table_for<DecoderTables>(isa);
    const auto [size, heads, key_heads, width, epsilon] = shape_;
    const size_t token = (heads + 2 * key_heads) * width;
    size_t inner = 0;
    for (const DecoderLayer& layer : layers_) inner = std::max(inner, layer.down->in());
    Scratch<float> normal(rows * size), tokens(rows * token), attended(rows * heads * width), gates(rows * 2 * inner),
        activated(rows * inner);
    for (size_t i = 0; i < layers_.size(); ++i) {
        const DecoderLayer& layer = layers_[i];
        lanes.normalize(x, rows, size, layer.attention_norm.data(), epsilon, normal.data());
        layer.qkv->apply(normal.data(), rows, isa, tokens.data());
        for (size_t row = 0; row < rows; ++row) {
            float *queries = &tokens[row * token], *keys = queries + heads * width;
            if (!layer.query_norm.empty()) {
                lanes.normalize(queries, heads, width, layer.query_norm.data(), epsilon, queries);
                lanes.normalize(keys, key_heads, width, layer.key_norm.data(), epsilon, keys);
            }
            if (layer.rotary) lanes.rotate(queries, heads + key_heads, width, cos + row * width, sin + row * width);
        }
        Step step = levels[i].step;
        step.tokens = tokens.data();
        attend(*levels[i].shared, *levels[i].questions, step, isa, attended.data());
        layer.out->apply(attended.data(), rows, isa, x, Results::added);
        lanes.normalize(x, rows, size, layer.mlp_norm.data(), epsilon, normal.data());
        layer.gate_up->gate(normal.data(), rows, isa, gates.data(), activated.data());
        layer.down->apply(activated.data(), rows, isa, x, Results::added);
    }
    if (logits == nullptr) return;
    lanes.normalize(x, rows, size, norm_.data(), epsilon, normal.data());
    head_->apply(normal.data(), rows, isa, logits, Results::streamed);
}

}  // namespace lmsi

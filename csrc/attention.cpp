#include "attention.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "attention_lanes.hpp"

namespace lmsi {
namespace {

size_t rounded_up(size_t n) { return (n + kLanes - 1) / kLanes * kLanes; }

size_t size_of(NumberFormat format) { return format == NumberFormat::float32 ? 4 : 2; }

// `count` numbers of a table from its `first` one on; the format is looked at once, so that the loops vectorize.
void read(const void* table, NumberFormat format, size_t first, size_t count, float* to) {
    if (format == NumberFormat::float32) {
        std::memcpy(to, static_cast<const float*>(table) + first, count * sizeof(float));
        return;
    }
    const uint16_t* from = static_cast<const uint16_t*>(table) + first;
    for (size_t i = 0; i < count; ++i) to[i] = std::bit_cast<float>(static_cast<uint32_t>(from[i]) << 16);
}

void write(const float* from, NumberFormat format, size_t first, size_t count, void* table) {
    if (format == NumberFormat::float32) {
        std::memcpy(static_cast<float*>(table) + first, from, count * sizeof(float));
        return;
    }
    uint16_t* to = static_cast<uint16_t*>(table) + first;
    for (size_t i = 0; i < count; ++i) {
        const uint32_t bits = std::bit_cast<uint32_t>(from[i]);  // to the nearest, ties to even; NaN stays NaN
        const uint32_t rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
        to[i] = static_cast<uint16_t>(from[i] == from[i] ? rounded : 0x7FC0);
    }
}

const AttentionKernels& kernels_for(Isa isa, NumberFormat format) {
    const auto entry = static_cast<size_t>(format);
#if defined(LMSI_X86)
    if (isa == Isa::avx512) return kAvx512Attention[entry];
    if (isa == Isa::avx2) return kAvx2Attention[entry];
#endif
    (void)isa;
    return kScalarAttention[entry];
}

// The queries of one head, a tile at a time: query i belongs to row i / groups.
class Head {
public:
    Head(const Prefixes& shared, const Prefixes& questions, const Step& step, Isa isa)
        : shared_(shared), questions_(questions), step_(step), kernels_(kernels_for(isa, step.format)),
          width_(shared.width()), padded_(rounded_up(width_)), heads_(shared.heads()), queries_(kTile * kStride),
          output_(kTile * kStride), scratch_(kTile * kStride) {}

    void attend(size_t head, size_t first, size_t count, void* output) {
        load(head, first, count);
        Ahead ahead = own_of(head, first, count);
        kernels_.read_prefix(queries_.data(), count, padded_, shared_.of(0, head), ahead, reading(0), scratch_.data());
        for (size_t i = 0; i < count;) {
            const int64_t question = path(first + i).question;
            size_t end = i + 1;
            while (end < count && path(first + end).question == question) ++end;
            kernels_.read_prefix(query(i), end - i, padded_, questions_.of(static_cast<size_t>(question), head), ahead,
                                 reading(i), scratch_.data());
            i = end;
        }
        for (size_t i = 0; i < count; ++i) read_own(head, first, i);
        store(head, first, count, output);
    }

private:
    const Path& path(size_t query) const { return step_.paths[query / step_.groups]; }
    float* query(size_t i) { return queries_.data() + i * kStride; }
    Reading reading(size_t i) { return {peak_ + i, sum_ + i, output_.data() + i * kStride}; }
    // Of query i's numbers in [rows][heads * groups][width].
    size_t place(size_t head, size_t i) const {
        return ((i / step_.groups * heads_ + head) * step_.groups + i % step_.groups) * width_;
    }

    void load(size_t head, size_t first, size_t count) {
        std::fill(output_.begin(), output_.end(), 0.0f);
        std::fill(peak_, peak_ + kTile, -std::numeric_limits<float>::infinity());
        std::fill(sum_, sum_ + kTile, 0.0f);
        for (size_t i = 0; i < count; ++i) {
            read(step_.query, step_.format, place(head, first + i), width_, query(i));
            for (size_t d = 0; d < width_; ++d) query(i)[d] *= step_.scale;
        }
    }

    // Where the own keys and values of a query begin, in bytes.
    size_t own(size_t head, size_t query) const {
        return (static_cast<size_t>(path(query).slot) * heads_ + head) * step_.capacity * padded_ * size_of(step_.format);
    }

    Ahead own_of(size_t head, size_t first, size_t count) const {
        Ahead ahead{{}, 2 * count, 0};
        for (size_t i = 0; i < count; ++i) {
            const size_t at = own(head, first + i);
            ahead.regions[2 * i] = static_cast<const char*>(step_.own_keys) + at;
            ahead.regions[2 * i + 1] = static_cast<const char*>(step_.own_values) + at;
            const size_t length = static_cast<size_t>(path(first + i).length) + 1;
            ahead.bytes = std::max(ahead.bytes, length * padded_ * size_of(step_.format));
        }
        return ahead;
    }

    void read_own(size_t head, size_t first, size_t i) {
        const size_t at = own(head, first + i), length = static_cast<size_t>(path(first + i).length) + 1;
        kernels_.read_own(query(i), padded_, static_cast<const char*>(step_.own_keys) + at,
                          static_cast<const char*>(step_.own_values) + at, length, reading(i), scratch_.data());
    }

    void store(size_t head, size_t first, size_t count, void* output) {
        for (size_t i = 0; i < count; ++i) {
            float* from = output_.data() + i * kStride;
            for (size_t d = 0; d < width_; ++d) from[d] /= sum_[i];
            write(from, step_.format, place(head, first + i), width_, output);
        }
    }

    const Prefixes& shared_;
    const Prefixes& questions_;
    const Step& step_;
    const AttentionKernels& kernels_;
    size_t width_, padded_, heads_;
    std::vector<float> queries_, output_, scratch_;
    float peak_[kTile], sum_[kTile];
};

void append(const Step& step, size_t heads, size_t width) {
    const size_t size = size_of(step.format), padded = rounded_up(width);
    for (size_t i = 0; i < step.rows * heads; ++i) {
        const Path& path = step.paths[i / heads];
        const size_t head = static_cast<size_t>(path.slot) * heads + i % heads;
        const size_t to = (head * step.capacity + static_cast<size_t>(path.length)) * padded * size;
        const size_t from = i * width * size;
        std::memcpy(static_cast<char*>(step.own_keys) + to, static_cast<const char*>(step.key) + from, width * size);
        std::memcpy(static_cast<char*>(step.own_values) + to, static_cast<const char*>(step.value) + from, width * size);
    }
}

}  // namespace

Prefixes::Prefixes(const void* keys, const void* values, NumberFormat format, size_t heads, size_t capacity, size_t width,
                   std::vector<size_t> lengths)
    : heads_(heads), width_(width), padded_width_(rounded_up(width)), lengths_(std::move(lengths)) {
    size_t total = 0;
    for (const size_t length : lengths_) {
        offsets_.push_back(total);
        total += rounded_up(length) * heads_;
    }
    keys_.resize(total * padded_width_);
    values_.resize(total * padded_width_);
    float key[kMaxWidth], value[kMaxWidth];
    for (size_t i = 0; i < lengths_.size() * heads_; ++i) {
        const size_t length = lengths_[i / heads_], padded = rounded_up(length);
        const size_t start = (offsets_[i / heads_] + i % heads_ * padded) * padded_width_;
        for (size_t k = 0; k < length; ++k) {
            const size_t from = (i * capacity + k) * width;
            read(keys, format, from, width, key);
            read(values, format, from, width, value);
            for (size_t d = 0; d < width; ++d) {
                keys_[start + (k / kLanes * padded_width_ + d) * kLanes + k % kLanes] = key[d];
                values_[start + (d / kLanes * padded + k) * kLanes + d % kLanes] = value[d];
            }
        }
    }
}

Panels Prefixes::of(size_t prefix, size_t head) const {
    const size_t length = lengths_[prefix], padded = rounded_up(length);
    const size_t start = (offsets_[prefix] + head * padded) * padded_width_;
    return {keys_.data() + start, values_.data() + start, length, padded};
}

void attend(const Prefixes& shared, const Prefixes& questions, const Step& step, Isa isa, void* output) {
    append(step, shared.heads(), shared.width());
    Head work(shared, questions, step, isa);
    const size_t queries = step.rows * step.groups;
    for (size_t head = 0; head < shared.heads(); ++head)
        for (size_t first = 0; first < queries; first += kTile)
            work.attend(head, first, std::min(kTile, queries - first), output);
}

}  // namespace lmsi

#include "attention.hpp"

#include <algorithm>

#include "lanes.hpp"

namespace lmsi {
namespace {

size_t size_of(NumberFormat format) { return format == NumberFormat::float32 ? 4 : 2; }

// The queries of one head, processed in tiles: query i belongs to row i / groups.
class Head {
public:
    Head(const Prefixes& shared, const Prefixes& questions, const Step& step, Isa isa)
        : shared_(shared), questions_(questions), step_(step), lanes_(table_for<AttentionTables>(isa)[static_cast<size_t>(step.format)]),
          width_(shared.width()), padded_(whole_lanes(width_)), heads_(shared.heads()), queries_(kTile * kStride), output_(kTile * kStride),
          scratch_(kTile * kStride) {}

    void attend(size_t head, size_t first, size_t count, float* output) {
        load(head, first, count);
        Ahead ahead = own_of(head, first, count);
        lanes_.read_prefix(queries_.data(), count, padded_, shared_.of(0, head), ahead, reading(0), scratch_.data());
        for (size_t i = 0; i < count;) {
            const int64_t question = path(first + i).question;
            size_t end = i + 1;
            while (end < count && path(first + end).question == question) ++end;
            lanes_.read_prefix(query(i), end - i, padded_, questions_.of(static_cast<size_t>(question), head), ahead, reading(i),
                               scratch_.data());
            i = end;
        }
        for (size_t i = 0; i < count; i = after(first, i, count)) read_own(head, first, i, after(first, i, count));
        store(head, first, count, output);
    }

private:
    const Path& path(size_t query) const { return step_.paths[query / step_.groups]; }
    float* query(size_t i) { return queries_.data() + i * kStride; }
    Reading reading(size_t i) { return {peak_ + i, sum_ + i, output_.data() + i * kStride}; }

    // The index of the first query after query i that belongs to another row, or `count` if the tile has no such query.
    // Queries are counted from `first`.
    size_t after(size_t first, size_t i, size_t count) const {
        return std::min(count, ((first + i) / step_.groups + 1) * step_.groups - first);
    }

    void load(size_t head, size_t first, size_t count) {
        std::fill(output_.begin(), output_.end(), 0.0f);
        std::fill(peak_, peak_ + kTile, kLowest);
        std::fill(sum_, sum_ + kTile, 0.0f);
        for (size_t i = 0; i < count; ++i) {
            const size_t row = (first + i) / step_.groups, group = (first + i) % step_.groups;
            const float* from = step_.tokens + ((row * (step_.groups + 2) * heads_) + head * step_.groups + group) * width_;
            lanes_.multiply(from, step_.scale, width_, query(i));
        }
    }

    // The byte offset, in own_keys and in own_values, at which the path of a query is stored.
    size_t own(size_t head, size_t query) const {
        return (static_cast<size_t>(path(query).slot) * heads_ + head) * step_.capacity * padded_ * size_of(step_.format);
    }

    Ahead own_of(size_t head, size_t first, size_t count) const {
        Ahead ahead{};
        for (size_t i = 0; i < count; i = after(first, i, count)) {
            const size_t at = own(head, first + i);
            ahead.regions[ahead.count++] = static_cast<const char*>(step_.own_keys) + at;
            ahead.regions[ahead.count++] = static_cast<const char*>(step_.own_values) + at;
            const size_t length = static_cast<size_t>(path(first + i).length) + 1;
            ahead.bytes = std::max(ahead.bytes, length * padded_ * size_of(step_.format));
        }
        return ahead;
    }

    void read_own(size_t head, size_t first, size_t i, size_t end) {
        const size_t at = own(head, first + i), length = static_cast<size_t>(path(first + i).length) + 1;
        const size_t follower = std::min(first + end, step_.rows * step_.groups - 1);
        const ptrdiff_t apart = (static_cast<ptrdiff_t>(own(head, follower)) - static_cast<ptrdiff_t>(at)) /
                                static_cast<ptrdiff_t>(size_of(step_.format));
        lanes_.read_own(query(i), end - i, padded_, static_cast<const char*>(step_.own_keys) + at,
                        static_cast<const char*>(step_.own_values) + at, length, apart, reading(i), scratch_.data());
    }

    void store(size_t head, size_t first, size_t count, float* output) {
        for (size_t i = 0; i < count; ++i) {
            const size_t row = (first + i) / step_.groups, group = (first + i) % step_.groups;
            float* to = output + ((row * heads_ + head) * step_.groups + group) * width_;
            lanes_.divide(output_.data() + i * kStride, sum_[i], width_, to);
        }
    }

    const Prefixes& shared_;
    const Prefixes& questions_;
    const Step& step_;
    const AttentionLanes& lanes_;
    size_t width_, padded_, heads_;
    Lines<float> queries_, output_, scratch_;
    float peak_[kTile], sum_[kTile];
};

void append(const Step& step, size_t heads, size_t width, const AttentionLanes& lanes) {
    const size_t padded = whole_lanes(width), size = size_of(step.format);
    for (size_t i = 0; i < step.rows * heads; ++i) {
        const Path& path = step.paths[i / heads];
        const size_t head = static_cast<size_t>(path.slot) * heads + i % heads;
        const size_t to = (head * step.capacity + static_cast<size_t>(path.length)) * padded;
        const float* key = step.tokens + (i / heads * (step.groups + 2) * heads + step.groups * heads + i % heads) * width;
        lanes.append(key, width, static_cast<char*>(step.own_keys) + to * size);
        lanes.append(key + heads * width, width, static_cast<char*>(step.own_values) + to * size);
    }
}

}  // namespace

Prefixes::Prefixes(NumberFormat format, size_t heads, size_t width, std::vector<size_t> room)
    : format_(format), heads_(heads), width_(width), padded_width_(whole_lanes(width)), room_(std::move(room)), lengths_(room_.size()) {
    size_t total = 0;
    for (const size_t keys : room_) {
        offsets_.push_back(total);
        total += whole_lanes(keys) * heads_;
    }
    keys_.resize(total * padded_width_ * size_of(format));
    values_.resize(total * padded_width_ * size_of(format));
}

Prefixes::Prefixes(const void* keys, const void* values, NumberFormat format, size_t heads, size_t capacity, size_t width,
                   const std::vector<size_t>& lengths)
    : Prefixes(format, heads, width, lengths) {
    append(keys, values, capacity, width, lengths);
}

void Prefixes::append(const void* keys, const void* values, size_t capacity, size_t stride, const std::vector<size_t>& counts) {
    if (format_ == NumberFormat::float32) pack<float>(keys, values, capacity, stride, counts);
    else pack<uint16_t>(keys, values, capacity, stride, counts);
    for (size_t i = 0; i < counts.size(); ++i) lengths_[i] += counts[i];
}

template <class T>
void Prefixes::pack(const void* keys, const void* values, size_t capacity, size_t stride, const std::vector<size_t>& counts) {
    constexpr size_t kDepth = sizeof(float) / sizeof(T);  // steps of depth that are stored next to each other
    const auto place = [](size_t depth, size_t column) { return (depth / kDepth * kLanes + column) * kDepth + depth % kDepth; };
    for (size_t i = 0; i < lengths_.size() * heads_; ++i) {
        const size_t length = lengths_[i / heads_], padded = whole_lanes(room_[i / heads_]);
        const size_t start = (offsets_[i / heads_] + i % heads_ * padded) * padded_width_;
        T *key_panels = reinterpret_cast<T*>(keys_.data()) + start, *value_panels = reinterpret_cast<T*>(values_.data()) + start;
        for (size_t j = 0; j < counts[i / heads_]; ++j) {
            const size_t k = length + j;
            const T* key = static_cast<const T*>(keys) + (i * capacity + j) * stride;
            const T* value = static_cast<const T*>(values) + (i * capacity + j) * stride;
            for (size_t d = 0; d < width_; ++d) {
                key_panels[k / kLanes * padded_width_ * kLanes + place(d, k % kLanes)] = key[d];
                value_panels[d / kLanes * padded * kLanes + place(k, d % kLanes)] = value[d];
            }
        }
    }
}

Panels Prefixes::of(size_t prefix, size_t head) const {
    const size_t padded = whole_lanes(room_[prefix]), start = (offsets_[prefix] + head * padded) * padded_width_ * size_of(format_);
    return {keys_.data() + start, values_.data() + start, lengths_[prefix], padded};
}

void attend(const Prefixes& shared, const Prefixes& questions, const Step& step, Isa isa, float* output) {
    append(step, shared.heads(), shared.width(), table_for<AttentionTables>(isa)[static_cast<size_t>(step.format)]);
    Head work(shared, questions, step, isa);
    const size_t queries = step.rows * step.groups;
    for (size_t head = 0; head < shared.heads(); ++head)
        for (size_t first = 0; first < queries; first += kTile) work.attend(head, first, std::min(kTile, queries - first), output);
}

}  // namespace lmsi

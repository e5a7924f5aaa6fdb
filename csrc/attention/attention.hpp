// Attention of one new token per path over a prefix tree: softmax(q [K_shared, K_question, K_own]^T) [V_shared, V_question, V_own].
//
// The specification is src/lmsi_kedro/kernels/attention/reference.py. Prefixes are packed once; the paths' own keys and
// values are in the caller's buffers, to which `attend` appends. With bfloat16 prefixes, queries and weights are
// rounded to bfloat16. The scores of a row are never stored all at once: the softmax uses a running maximum. Guarantees:
// a path's result does not depend on other paths; sums are float32 on every instruction set, but instruction sets round
// differently; rows of any content are safe. `attend` allocates scratch memory once per call and starts no threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "lanes.hpp"
#include "../simd/isa.hpp"
#include "../simd/lines.hpp"
#include "../simd/numbers.hpp"

namespace lmsi {

// Packed keys and values of some prefixes, to which more may be appended, though not while a step reads them; a prefix may be
// empty.
class Prefixes {
public:
    // Empty prefixes with room for this many keys each.
    Prefixes(NumberFormat format, size_t heads, size_t width, std::vector<size_t> room);
    // keys, values: [lengths.size()][heads][capacity][width]
    Prefixes(const void* keys, const void* values, NumberFormat format, size_t heads, size_t capacity, size_t width,
             const std::vector<size_t>& lengths);
    // Appends counts[i] keys and values to prefix i: [count()][heads][capacity][stride], of which `width` numbers are read.
    void append(const void* keys, const void* values, size_t capacity, size_t stride, const std::vector<size_t>& counts);
    size_t count() const { return lengths_.size(); }
    size_t heads() const { return heads_; }
    size_t width() const { return width_; }
    NumberFormat format() const { return format_; }
    const std::vector<size_t>& lengths() const { return lengths_; }
    const std::vector<size_t>& room() const { return room_; }
    Panels of(size_t prefix, size_t head) const;

private:
    template <class T> void pack(const void* keys, const void* values, size_t capacity, size_t stride, const std::vector<size_t>& counts);
    NumberFormat format_;
    size_t heads_, width_, padded_width_;
    std::vector<size_t> room_, lengths_, offsets_;  // offsets count keys
    Lines<char> keys_, values_;
};

// A row: the question that a path continues, the path's slot in the buffers, and the number of its tokens in that slot.
struct Path {
    int64_t question, slot, length;
};

// The input of a decoding step: the new token of each row, and the buffers of the paths that the rows continue.
struct Step {
    NumberFormat format;  // of the paths' own keys and values, and of the prefixes
    size_t rows, groups;  // groups: number of query heads per head of the keys
    const float* tokens;  // [rows][groups * heads, heads, heads][width]: queries, keys, values
    void *own_keys, *own_values;  // [slots][heads][capacity][width rounded up to 16], padded with zeros
    size_t capacity;
    const Path* paths;  // [rows]; adjacent rows with the same question read its prefix together
    float scale;
};

// Appends each key and value to its slot, and writes output [rows][groups * heads][width]. `shared` must contain
// exactly one prefix.
void attend(const Prefixes& shared, const Prefixes& questions, const Step& step, Isa isa, float* output);

}  // namespace lmsi

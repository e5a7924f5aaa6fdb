// Reads Arrow's string arrays.
//
// The types string, large_string, string_view (and their binary equivalents) and null are supported, sliced or not.
// Guarantees: reading a row copies and allocates nothing and never throws; a null row is a view whose data() is null. A
// StringArray does not own its buffers: the ArrowArray must be kept alive (csrc/bindings/arrow_strings.hpp does this).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "interface.hpp"

namespace lmsi {

constexpr size_t kViewSize = 16;  // bytes of a string view: the length, then either the text or a prefix, a block and an offset
constexpr size_t kInPlace = 12;   // bytes of a text that is stored in its view

enum class StringLayout : uint8_t { none, offsets32, offsets64, views };

// The layout of an Arrow format string; nothing for types other than text.
inline std::optional<StringLayout> string_layout(std::string_view format) {
    if (format == "n") return StringLayout::none;
    if (format == "u" || format == "z") return StringLayout::offsets32;
    if (format == "U" || format == "Z") return StringLayout::offsets64;
    if (format == "vu" || format == "vz") return StringLayout::views;
    return std::nullopt;
}

// One chunk of a string column.
class StringArray {
public:
    StringArray(StringLayout layout, const ArrowArray& array)
        : layout_(layout), length_(static_cast<size_t>(array.length)), offset_(static_cast<size_t>(array.offset)) {
        if (layout == StringLayout::none || length_ == 0) return;
        // null_count -1 means "not counted", so the bitmap is used; without a bitmap there are no nulls.
        if (array.null_count != 0) validity_ = static_cast<const uint8_t*>(array.buffers[0]);
        index_ = static_cast<const char*>(array.buffers[1]);
        if (layout == StringLayout::views) blocks_ = reinterpret_cast<const char* const*>(array.buffers + 2);
        else bytes_ = static_cast<const char*>(array.buffers[2]);
    }

    size_t size() const { return length_; }

    bool is_null(size_t row) const {
        if (layout_ == StringLayout::none) return true;
        const size_t bit = offset_ + row;
        return validity_ != nullptr && ((validity_[bit >> 3] >> (bit & 7)) & 1) == 0;
    }

    // One bit for each of `count` <= 64 rows: 1 for a null row.
    uint64_t null_bits(size_t row, size_t count) const {
        const uint64_t rows = count > 0 ? ~uint64_t{0} >> (64 - count) : 0;
        if (layout_ == StringLayout::none) return rows;
        if (validity_ == nullptr) return 0;
        const size_t bit = offset_ + row, shift = bit % 8;
        const size_t left = (offset_ + length_ + 7) / 8 - bit / 8;  // bytes from this row to the end of the bitmap
        uint64_t valid = 0;
        if (left >= 8) std::memcpy(&valid, validity_ + bit / 8, 8);
        else std::memcpy(&valid, validity_ + bit / 8, left);
        valid >>= shift;
        if (shift + count > 64) valid |= uint64_t{validity_[bit / 8 + 8]} << (64 - shift);
        return ~valid & rows;
    }

    // The text of a row; data() is null for a null row, but not for an empty text.
    std::string_view operator[](size_t row) const {
        if (is_null(row)) return {};
        const size_t at = offset_ + row;
        switch (layout_) {
        case StringLayout::offsets32: return slice(load<int32_t>(at), load<int32_t>(at + 1));
        case StringLayout::offsets64: return slice(load<int64_t>(at), load<int64_t>(at + 1));
        default: return view(index_ + kViewSize * at);
        }
    }

    // The view of a row with the layout `views`, also for a null row; nullptr for other layouts.
    const char* cell(size_t row) const { return layout_ == StringLayout::views ? index_ + kViewSize * (offset_ + row) : nullptr; }

private:
    template <class Offset> int64_t load(size_t at) const {
        Offset value;
        std::memcpy(&value, index_ + at * sizeof(Offset), sizeof(Offset));
        return value;
    }

    std::string_view slice(int64_t begin, int64_t end) const {
        if (begin == end) return {"", 0};
        return {bytes_ + begin, static_cast<size_t>(end - begin)};
    }

    std::string_view view(const char* cell) const {
        int32_t field[4];
        std::memcpy(field, cell, sizeof field);
        const auto length = static_cast<size_t>(field[0]);
        return length <= kInPlace ? std::string_view{cell + 4, length} : std::string_view{blocks_[field[2]] + field[3], length};
    }

    StringLayout layout_;
    size_t length_;
    size_t offset_;
    const uint8_t* validity_ = nullptr;
    const char* index_ = nullptr;
    const char* bytes_ = nullptr;
    const char* const* blocks_ = nullptr;
};

}  // namespace lmsi

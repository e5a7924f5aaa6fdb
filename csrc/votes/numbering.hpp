// Numbers the distinct items of one question in order of appearance; items are equal if their bytes are.
//
// It is a hash table with open addressing that is at most half full. Items with equal hashes are compared byte by byte.
// The expected time is linear.
#pragma once

#include <vector>

#include "tokens.hpp"

namespace lmsi {

inline uint64_t mixed(uint64_t a, uint64_t b) {
    const auto product = static_cast<unsigned __int128>(a ^ 0x9E3779B97F4A7C15u) * (b ^ 0xD6E8FEB86659FD93u);
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

inline uint64_t hash_of(const Token& token) { return mixed(token.low, token.high); }
inline bool equal(const Token& a, const Token& b) { return a == b; }

// The hash of a text of at least 16 bytes; the last 16 bytes may overlap the 16 bytes that are hashed before them.
inline uint64_t hash_of(std::string_view text) {
    uint64_t hash = text.size();
    const char* last = text.data() + text.size() - 16;
    for (const char* at = text.data(); at < last; at += 16) hash = mixed(hash ^ word_at(at), word_at(at + 8));
    return mixed(hash ^ word_at(last), word_at(last + 8));
}
inline bool equal(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    const size_t last = a.size() - 8;
    for (size_t at = 0; at < last; at += 8)
        if (word_at(a.data() + at) != word_at(b.data() + at)) return false;
    return word_at(a.data() + last) == word_at(b.data() + last);
}

template <class Item> class Numbering {
public:
    uint32_t operator()(const Item& item) {
        if (2 * entries_.size() >= slots_.size()) grow();
        const uint64_t hash = hash_of(item);
        size_t slot = hash & (slots_.size() - 1);
        for (; slots_[slot] != kEmpty; slot = (slot + 1) & (slots_.size() - 1)) {
            const Entry& entry = entries_[slots_[slot]];
            if (entry.hash == hash && equal(entry.item, item)) return slots_[slot];
        }
        slots_[slot] = static_cast<uint32_t>(entries_.size());
        entries_.push_back({item, hash});
        return slots_[slot];
    }

    const Item& item(uint32_t number) const { return entries_[number].item; }
    size_t size() const { return entries_.size(); }

    // Takes time proportional to the items of this question, not to the size of the table.
    void clear() {
        for (uint32_t number = 0; number < entries_.size(); ++number) slots_[slot_of(number, number)] = kEmpty;
        entries_.clear();
    }

private:
    static constexpr uint32_t kEmpty = UINT32_MAX;

    struct Entry {
        Item item;
        uint64_t hash;
    };

    // The first slot that contains `wanted`, searching from the slot to which the item's hash points.
    size_t slot_of(uint32_t number, uint32_t wanted) const {
        size_t slot = entries_[number].hash & (slots_.size() - 1);
        while (slots_[slot] != wanted) slot = (slot + 1) & (slots_.size() - 1);
        return slot;
    }
    void grow() {
        slots_.assign(slots_.empty() ? 128 : 2 * slots_.size(), kEmpty);
        for (uint32_t number = 0; number < entries_.size(); ++number) slots_[slot_of(number, kEmpty)] = number;
    }

    std::vector<Entry> entries_;
    std::vector<uint32_t> slots_;
};

}  // namespace lmsi

// Keys as 16-byte tokens: two keys of a question are equal iff their tokens are equal.
//
// The token of a key of up to 15 bytes consists of its bytes, zeros and its length. The token of a longer key contains a
// number (numbering.hpp). Counting therefore compares only tokens, and no texts.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "../arrow/strings.hpp"

#if defined(__SSE2__) && !defined(LMSI_PORTABLE)
#define LMSI_SSE2
#include <emmintrin.h>
#endif

namespace lmsi {

static_assert(std::endian::native == std::endian::little, "tokens are assembled from words");

inline uint64_t word_at(const char* at) {
    uint64_t word;
    std::memcpy(&word, at, sizeof word);
    return word;
}

struct alignas(16) Token {
    static constexpr uint64_t kLongest = 15;    // maximum bytes of a key that fits into its token
    static constexpr uint64_t kNumbered = 16;   // stored in place of the length if `low` is a number
    static constexpr uint64_t kUnreadable = 17;

    uint64_t low = 0;                    // bytes 0 to 7 of the key
    uint64_t high = kUnreadable << 56;  // bytes 8 to 14, and its length

    bool operator==(const Token&) const = default;
    uint64_t size() const { return high >> 56; }
    const char* bytes() const { return reinterpret_cast<const char*>(this); }

    // The token of a key of up to 15 bytes. The key is read as whole words, because copying a variable number of bytes
    // would be a function call.
    static Token of(std::string_view key) {
        const uint64_t size = key.size();
        Token token{0, size << 56};
        if (size < 8) {
            for (uint64_t i = 0; i < size; ++i) token.low |= uint64_t{static_cast<uint8_t>(key[i])} << (8 * i);
            return token;
        }
        token.low = word_at(key.data());
        if (size > 8) token.high |= word_at(key.data() + size - 8) >> (128 - 8 * size);
        return token;
    }
    static Token numbered(uint32_t number) { return {number, kNumbered << 56}; }
};

// Whether the text of an Arrow view is stored in the view itself.
inline bool is_in_place(const char* view) { return static_cast<uint32_t>(word_at(view)) <= kInPlace; }

// Every x86-64 CPU has SSE2, so there is no selection at run time. Wider registers did not help: counting 32 paths took
// 0.064 us per question with SSE2, 0.068 us with AVX2 and 0.065 us with AVX-512, because an iteration spends more time
// waiting for the previous one than computing.
#if defined(LMSI_SSE2)

// Makes tokens of Arrow views (length, text, zeros); returns false if a text is too long to be stored in its view.
inline bool read_views(const char* views, size_t count, Token* tokens) {
    __m128i largest = _mm_setzero_si128();  // the maximum of each byte
    for (size_t i = 0; i < count; ++i) {
        const __m128i view = _mm_loadu_si128(reinterpret_cast<const __m128i*>(views + kViewSize * i));
        const __m128i token = _mm_or_si128(_mm_srli_si128(view, 4), _mm_slli_si128(view, 15));
        _mm_store_si128(reinterpret_cast<__m128i*>(tokens + i), token);
        largest = _mm_max_epu8(largest, view);
    }
    return static_cast<uint32_t>(_mm_cvtsi128_si32(largest)) <= kInPlace;
}

// One bit for each of the first `count` <= 64 tokens: 1 if it equals `token`. Reads up to 3 more tokens, whose bits are
// undefined.
inline uint64_t equal_to(const Token* tokens, size_t count, const Token& token) {
    const auto* at = reinterpret_cast<const __m128i*>(tokens);
    const __m128i wanted = *reinterpret_cast<const __m128i*>(&token);
    uint64_t bits = 0;
    for (size_t i = 0; i < count; i += 4) {
        const __m128i first = _mm_packs_epi32(_mm_cmpeq_epi32(at[i], wanted), _mm_cmpeq_epi32(at[i + 1], wanted));
        const __m128i second = _mm_packs_epi32(_mm_cmpeq_epi32(at[i + 2], wanted), _mm_cmpeq_epi32(at[i + 3], wanted));
        const __m128i all = _mm_cmpeq_epi32(_mm_packs_epi16(first, second), _mm_set1_epi32(-1));
        bits |= static_cast<uint64_t>(_mm_movemask_ps(_mm_castsi128_ps(all))) << i;
    }
    return bits;
}

#else

inline bool read_views(const char* views, size_t count, Token* tokens) {
    uint32_t longest = 0, size;
    for (size_t i = 0; i < count; ++i) {
        std::memcpy(&size, views + kViewSize * i, sizeof size);
        tokens[i] = Token::of({views + kViewSize * i + 4, std::min<size_t>(size, kInPlace)});
        longest = std::max(longest, size);
    }
    return longest <= kInPlace;
}

inline uint64_t equal_to(const Token* tokens, size_t count, const Token& token) {
    uint64_t bits = 0;
    for (size_t i = 0; i < count; ++i) bits |= static_cast<uint64_t>(tokens[i] == token) << i;
    return bits;
}

#endif

}  // namespace lmsi

// Maps every character to one byte, so that all parsers scan plain bytes and positions count characters.
//
// Look-alikes (full-width digits, dashes, quotes, thin spaces) become their plain equivalents, symbols that are used in
// numbers have their own codes, and everything else becomes a letter or a symbol. ASCII text is its own folded form and
// is not copied. Any bytes are accepted; invalid UTF-8 is decoded as U+FFFD, as by Python's decode(errors="replace").
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lmsi {

using View = std::string_view;

// Codes of the folded alphabet (the same as in reference/characters.py).
inline constexpr char ROOT = '\x81', PI = '\x82', ALMOST = '\x83', THIRD = '\x84', INFINITE = '\x90', ARROW = '\x91';
inline constexpr char NO_BREAK = '\xa0', CURRENCY = '\xa4', OTHER_SYMBOL = '\xa6', IGNORED = '\xad';
inline constexpr char RAISED_ZERO = '\x92', RAISED_NINE = '\x9b', RAISED_MINUS = '\x9c', LOWERED = '\x9d', AT_MOST = '\x9e',
                      AT_LEAST = '\x9f';
inline constexpr char DOT = '\xb7', TIMES = '\xd7', DIVIDED = '\xf7', OTHER_LETTER = '\xff';

inline bool digit(char c) { return c >= '0' && c <= '9'; }
inline bool upper(char c) { return c >= 'A' && c <= 'Z'; }
inline bool raised(char c) {
    const auto u = static_cast<unsigned char>(c);
    return u >= static_cast<unsigned char>(RAISED_ZERO) && u <= static_cast<unsigned char>(RAISED_NINE);
}
inline char lower(char c) { return upper(c) ? static_cast<char>(c + 32) : c; }
inline bool letter(char c) {
    const auto u = static_cast<unsigned char>(c);
    return (lower(c) >= 'a' && lower(c) <= 'z') || (u >= 0xC0 && c != TIMES && c != DIVIDED);
}
inline bool space(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || c == NO_BREAK; }
// The loop has no branches once it is inlined, and for sets of a few characters it is faster than a call of memchr.
inline bool one_of(char c, View set) {
    bool found = false;
    for (const char known : set) found |= known == c;
    return found;
}

// A word in lower case, cut to 24 characters. All known words are shorter, so a word that is cut equals none of them.
class Word {
public:
    Word(View s, size_t begin, size_t end) {
        for (size_t i = begin; i < end && size_ < sizeof text_; ++i) text_[size_++] = lower(s[i]);
    }
    operator View() const { return {text_, size_}; }
    bool operator==(View other) const { return View(*this) == other; }
    bool empty() const { return size_ == 0; }

private:
    char text_[24];
    size_t size_ = 0;
};

template <size_t N> bool one_of(View word, const View (&words)[N]) {
    if (word.empty()) return false;
    for (View known : words)
        if (known.size() == word.size() && known[0] == word[0] && known == word) return true;
    return false;
}

// The character at i, or NUL outside the range, so that parsers need no bounds checks.
inline char at(View s, size_t i, size_t end) { return i < end ? s[i] : '\0'; }
inline bool starts(View s, size_t i, size_t end, View what) {
    return i <= end && end - i >= what.size() && s.compare(i, what.size(), what) == 0;
}
inline size_t skip_spaces(View s, size_t i, size_t end) {
    while (i < end && space(s[i])) ++i;
    return i;
}
inline size_t word_end(View s, size_t i, size_t end) {
    while (i < end && letter(s[i])) ++i;
    return i;
}
inline Word word_at(View s, size_t i, size_t end) { return {s, i, word_end(s, i, end)}; }
inline size_t digit_run(View s, size_t i, size_t end) {
    while (i < end && digit(s[i])) ++i;
    return i;
}

// Turns commas between digits into points, and points before exactly three digits into commas: 1.234,5 becomes 1,234.5.
void point(std::string& codes);

// A text with its folded form; the buffers are reused for the next text.
class Text {
public:
    explicit Text(bool comma = false) : comma_(comma) {}  // `comma`: decimal commas become points
    void read(View original);
    View folded() const { return folded_; }
    // The original characters between two positions, as valid UTF-8.
    View slice(size_t begin, size_t end) const;

private:
    void fold_all(View original);

    View original_;  // valid UTF-8
    View folded_;
    std::string valid_;
    std::string codes_;
    std::vector<size_t> marks_;  // the offset of every STRIDE-th character in the original
    bool ascii_ = true;
    bool comma_;
};

// Appends the form in which wordings are compared: lower case, look-alikes as ASCII, white space as plain spaces.
void append_plain(View valid_utf8, std::string& to);
std::string plain(View valid_utf8);

}  // namespace lmsi

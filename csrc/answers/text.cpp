#include "text.hpp"

#include <algorithm>
#include <cstring>

namespace lmsi {
namespace {

constexpr char32_t REPLACEMENT = 0xFFFD;
constexpr size_t STRIDE = 64;  // maximum number of characters that a slice walks to its start

struct Range {
    char32_t first, last;
    char folded;
};
constexpr Range RANGES[] = {{0x80, 0x9F, OTHER_SYMBOL}, {0x100, 0x52F, OTHER_LETTER}, {0x2000, 0x200A, NO_BREAK}, {0x200B, 0x200F, IGNORED},
                            {0x2010, 0x2015, '-'},      {0x2018, 0x201B, '\''},       {0x201C, 0x201F, '"'},      {0x2028, 0x2029, '\n'},
                            {0x2080, 0x2089, LOWERED},  {0x20A0, 0x20CF, CURRENCY}};
constexpr Range RUNS[] = {{0x2074, 0x2079, RAISED_ZERO + 4},
                          {0x2153, 0x215E, THIRD},
                          {0xFF01, 0xFF5E, '!'}};  // `folded`: the code of the first character; the others have the codes after it
struct Single {
    char32_t code;
    char folded;
};
constexpr Single SINGLES[] = {
    {0xAB, '"'},       {0xB2, RAISED_ZERO + 2}, {0xB3, RAISED_ZERO + 3}, {0xB9, RAISED_ZERO + 1}, {0xBB, '"'},        {0x3C0, PI},
    {0x2022, DOT},     {0x202F, NO_BREAK},      {0x2032, '\''},          {0x2033, '"'},           {0x2044, '/'},      {0x205F, NO_BREAK},
    {0x2060, IGNORED}, {0x2070, RAISED_ZERO},   {0x207B, RAISED_MINUS},  {0x2192, ARROW},         {0x21D2, ARROW},    {0x2212, '-'},
    {0x2215, '/'},     {0x2217, '*'},           {0x2219, DOT},           {0x221A, ROOT},          {0x221E, INFINITE}, {0x2236, ':'},
    {0x2243, ALMOST},  {0x2245, ALMOST},        {0x2248, ALMOST},        {0x2264, AT_MOST},       {0x2265, AT_LEAST}, {0x22C5, DOT},
    {0x2715, TIMES},   {0x2716, TIMES},         {0x3000, NO_BREAK},      {0x3001, ','},           {0x3002, '.'},      {0xFEFF, IGNORED}};

char fold(char32_t code) {
    if (code < 0x80) return static_cast<char>(code);
    for (const Single& single : SINGLES)
        if (single.code == code) return single.folded;
    for (const Range& run : RUNS)
        if (code >= run.first && code <= run.last) return static_cast<char>(static_cast<unsigned char>(run.folded) + (code - run.first));
    for (const Range& range : RANGES)
        if (code >= range.first && code <= range.last) return range.folded;
    return code < 0x100 ? static_cast<char>(code) : OTHER_SYMBOL;
}

// Lower case by arithmetic: ASCII, Latin-1, Latin Extended-A, Greek, Cyrillic.
char32_t lower_code(char32_t code) {
    const auto within = [code](char32_t first, char32_t last) { return code >= first && code <= last; };
    if (within('A', 'Z') || (within(0xC0, 0xDE) && code != 0xD7)) return code + 32;
    if (within(0x391, 0x3A9) || within(0x410, 0x42F)) return code + 32;
    if (within(0x400, 0x40F)) return code + 80;
    if (within(0x100, 0x137) || within(0x14A, 0x177)) return code | 1;
    if (within(0x139, 0x148) || within(0x179, 0x17E)) return code + (code & 1);
    return code;
}

void append_utf8(char32_t code, std::string& to) {
    const auto put = [&to](char32_t byte) { to.push_back(static_cast<char>(byte)); };
    if (code < 0x80) return put(code);
    if (code < 0x800) put(0xC0 | code >> 6);
    else if (code < 0x10000) put(0xE0 | code >> 12), put(0x80 | (code >> 6 & 0x3F));
    else put(0xF0 | code >> 18), put(0x80 | (code >> 12 & 0x3F)), put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
}

// Decodes the character at i and advances i. An invalid sequence up to its first wrong byte becomes one U+FFFD.
char32_t decode(View s, size_t& i) {
    const auto byte = [&s](size_t k) { return k < s.size() ? static_cast<unsigned char>(s[k]) : 0u; };
    const unsigned first = byte(i++);
    if (first < 0x80) return first;
    const int more = first >= 0xC2 && first <= 0xDF ? 1 : first >= 0xE0 && first <= 0xEF ? 2 : first >= 0xF0 && first <= 0xF4 ? 3 : 0;
    if (more == 0) return REPLACEMENT;
    // The second byte excludes overlong forms, surrogates and code points beyond U+10FFFF.
    const unsigned low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    const unsigned high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    char32_t code = first & (0x3Fu >> more);
    for (int k = 0; k < more; ++k) {
        const unsigned next = byte(i);
        if (next < (k == 0 ? low : 0x80u) || next > (k == 0 ? high : 0xBFu)) return REPLACEMENT;
        code = code << 6 | (next & 0x3F);
        ++i;
    }
    return code;
}

bool is_ascii(View s) {
    size_t i = 0;
    uint64_t any = 0;
    for (; i + 32 <= s.size(); i += 32) {
        uint64_t w[4];
        std::memcpy(w, s.data() + i, 32);
        any |= w[0] | w[1] | w[2] | w[3];
    }
    for (; i + 8 <= s.size(); i += 8) {
        uint64_t w;
        std::memcpy(&w, s.data() + i, 8);
        any |= w;
    }
    for (; i < s.size(); ++i) any |= static_cast<uint64_t>(static_cast<unsigned char>(s[i]) & 0x80);
    return (any & 0x8080808080808080u) == 0;
}

}  // namespace

void point(std::string& codes) {
    const View s = codes;
    std::string pointed = codes;
    for (size_t i = 1; i + 1 < s.size(); ++i) {
        if (s[i] != ',' && s[i] != '.') continue;
        const bool braced = s[i - 1] == '{' && s[i + 1] == '}';  // 3{,}5
        if (i < 1u + braced || !digit(s[i - 1 - braced])) continue;
        const size_t first = i + 1 + braced, digits = digit_run(s, first, std::min(s.size(), first + 4)) - first;
        if (s[i] == ',' && digits > 0) pointed[i] = '.';
        else if (s[i] == '.' && digits == 3) pointed[i] = ',';
    }
    codes = std::move(pointed);
}

void Text::read(View original) {
    ascii_ = is_ascii(original);
    original_ = folded_ = original;
    if (!ascii_) fold_all(original);
    else if (comma_) codes_.assign(original);
    if (!comma_) return;
    point(codes_);
    folded_ = codes_;
}

void Text::fold_all(View original) {
    codes_.clear();
    marks_.clear();
    bool broken = false;
    for (size_t i = 0; i < original.size();) {
        const size_t from = i;
        const char32_t code = decode(original, i);
        broken |= code == REPLACEMENT && original.substr(from, i - from) != "\xEF\xBF\xBD";
        if (codes_.size() % STRIDE == 0) marks_.push_back(from);
        codes_.push_back(fold(code));
    }
    folded_ = codes_;
    if (!broken) return;
    valid_.clear();
    for (size_t i = 0, count = 0; i < original.size(); ++count) {
        if (count % STRIDE == 0) marks_[count / STRIDE] = valid_.size();
        append_utf8(decode(original, i), valid_);
    }
    original_ = valid_;
}

View Text::slice(size_t begin, size_t end) const {
    if (ascii_) return original_.substr(begin, end - begin);
    if (begin >= end || begin >= folded_.size()) return {};
    const auto step = [this](size_t byte) {
        do ++byte;
        while (byte < original_.size() && (original_[byte] & 0xC0) == 0x80);
        return byte;
    };
    size_t count = begin / STRIDE * STRIDE, from = marks_[begin / STRIDE];
    for (; count < begin; ++count) from = step(from);
    size_t byte = from;
    for (end = std::min(end, folded_.size()); count < end; ++count) byte = step(byte);
    return original_.substr(from, byte - from);
}

void append_plain(View valid_utf8, std::string& to) {
    for (size_t i = 0; i < valid_utf8.size();) {
        const char32_t code = decode(valid_utf8, i);
        const char folded = fold(code);
        if (space(folded)) to.push_back(' ');
        else if (static_cast<unsigned char>(folded) < 0x80) to.push_back(lower(folded));
        else append_utf8(lower_code(code), to);
    }
}

std::string plain(View valid_utf8) {
    std::string result;
    append_plain(valid_utf8, result);
    return result;
}

}  // namespace lmsi

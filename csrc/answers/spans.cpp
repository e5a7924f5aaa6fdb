// The canonical form of kind `span`, with words normalised by DROP's rules.
//
// A span that is a number with its unit, a date or a time is compared as a number, a date or a time. Parts joined by
// commas, semicolons or "and" are an unordered list. In other spans, case, articles, hyphens and punctuation are ignored
// (but not punctuation between digits), and number words become digits.
#include <algorithm>

#include "readers.hpp"

namespace lmsi {
namespace {

constexpr View ARTICLES[] = {"a", "an", "the"};
constexpr View PUNCTUATION = "!\"#$%&'()*+,./:;=?@[\\]^_`{|}~";
constexpr View INNER = ".,:/";  // punctuation that counts between digits: 3.14 is not 314
constexpr View BEFORE = "([{\"'`*#", AFTER = ")]}\"'`*.,;:!?%";

std::string digits_key(const Value& value, bool negative) {
    std::string key;
    value.append_key(negative, key);
    return key.substr(4);
}

bool all_of(View s, View set) {
    return std::ranges::all_of(s, [set](char c) { return one_of(c, set); });
}

// One word of a span: a number in digits, or otherwise its letters.
std::string word_key(const Text& text, size_t i, size_t j) {
    const View s = text.folded(), word = s.substr(i, j - i);
    const auto token = std::ranges::any_of(word, digit) ? first_token(s, i, j) : std::nullopt;
    if (token && token->value && all_of(s.substr(i, token->start - i), BEFORE) && all_of(s.substr(token->end, j - token->end), AFTER))
        return digits_key(token->value, token->negative);
    const std::string said = plain(text.slice(i, j));
    std::string kept;
    for (size_t k = 0; k < said.size(); ++k) {
        const char c = said[k];
        const auto between = [&] { return k > 0 && digit(said[k - 1]) && digit(at(said, k + 1, said.size())); };
        if (letter(c) || digit(c) || !one_of(c, PUNCTUATION) || (one_of(c, INNER) && between())) kept += c;
    }
    return kept;
}

// Whether the dash at i is the sign of a number; other dashes join or separate words.
bool is_sign(View s, size_t i, size_t a, size_t b) { return digit(at(s, i + 1, b)) && !(i > a && (letter(s[i - 1]) || digit(s[i - 1]))); }

void append_words(const Text& text, Stretch x, std::vector<std::string>& words) {
    const View s = text.folded();
    const auto [a, b] = x;
    for (size_t i = a; i < b;) {
        if (space(s[i]) || (s[i] == '-' && !is_sign(s, i, a, b))) {
            ++i;
            continue;
        }
        const Word word = word_at(s, i, b);
        const bool may = letter(s[i]) && !(i > 0 && letter(s[i - 1])) && !(word == "half") && !(word == "a") && !(word == "an");
        const auto spelled = may ? number_words(s, i, b) : std::nullopt;
        if (spelled && !digit(at(s, spelled->end, b))) {
            words.push_back(digits_key(spelled->value, false));
            i = spelled->end;
            continue;
        }
        size_t j = i + 1;
        while (j < b && !space(s[j]) && s[j] != '-') ++j;
        if (std::string kept = word_key(text, i, j); !kept.empty()) words.push_back(std::move(kept));
        i = j;
    }
}

// Returns a text that consists only of symbols, such as closing brackets, as it is written.
std::string symbols(View valid_utf8) {
    std::string kept;
    for (const char c : plain(valid_utf8))
        if (c != ' ' || (!kept.empty() && kept.back() != ' ')) kept += c;
    return kept;
}

// The words of a wording without articles; the articles are kept only if there are no other words.
std::string wording_of(const std::vector<std::string>& words) {
    const bool bare = std::ranges::all_of(words, [](View word) { return one_of(word, ARTICLES); });
    std::string said;
    for (const std::string& word : words) {
        if (!bare && one_of(View(word), ARTICLES)) continue;
        if (!said.empty()) said += ' ';
        said += word;
    }
    return said;
}

// The key of one part, which is empty for a part without a key. A part that is a compound quantity has several ranges.
std::optional<std::string> part_key(const Text& text, const std::vector<Stretch>& stretches) {
    const Stretch all = trim(text.folded(), {stretches.front().begin, stretches.back().end});
    if (all.begin >= all.end) return std::nullopt;
    if (auto found = content(text.folded(), all)) return found;
    std::vector<std::string> words;
    for (const Stretch& x : stretches) append_words(text, {std::max(x.begin, all.begin), std::min(x.end, all.end)}, words);
    const std::string said = wording_of(words);
    return "span:" + (all_of(said, "<> ") ? symbols(text.slice(all.begin, all.end)) : said);
}

// The width of the separator between two parts at i, or 0: ", ", ";", a line end, " and ", " & ".
size_t separator(View s, size_t i, size_t a, size_t b) {
    if (s[i] == ';' || s[i] == '\n' || (s[i] == ',' && (i + 1 == b || space(s[i + 1])))) return 1;
    if (i == a || !space(s[i - 1])) return 0;
    const size_t width = s[i] == '&' ? 1 : word_at(s, i, b) == "and" ? 3 : 0;
    return width > 0 && space(at(s, i + width, b)) ? width : 0;
}

// Whether the text after a separator at i belongs to the quantity before it: 2 hours and 30 minutes.
bool continues(View s, size_t start, size_t i, size_t b) {
    size_t end = 0;
    Tokens tokens(s, start, i);
    while (const auto token = tokens.next()) end = token->end;
    return end > 0 && compound(s, end, b) && !compound(s, end, i);
}

// The keys of all parts, with an empty string for a part that has no key.
std::vector<std::string> part_keys(const Text& text, size_t a, size_t b) {
    const View s = text.folded();
    std::vector<std::string> keys;
    std::vector<Stretch> part;
    const auto end_part = [&] {
        if (auto key = part_key(text, part)) keys.push_back(*std::move(key));
        part.clear();
    };
    size_t start = a;
    for (size_t i = a; i < b;) {
        const size_t width = separator(s, i, a, b);
        if (width > 0) {
            part.push_back({start, i});
            if (!continues(s, start, i, b)) end_part();
            start = i + width;
        }
        i = width > 0 ? i + width : letter(s[i]) ? word_end(s, i, b) : i + 1;
    }
    part.push_back({start, b});
    end_part();
    return keys;
}

}  // namespace

std::string joined_spans(std::vector<std::string> keys) {
    std::vector<std::string> parts;
    for (View key : keys) {
        const bool listed = key.starts_with("list:");
        if (listed) key.remove_prefix(5);
        for (size_t bar = key.find('|'); listed && bar != View::npos; bar = key.find('|')) {
            parts.emplace_back(key.substr(0, bar));
            key.remove_prefix(bar + 1);
        }
        parts.emplace_back(key);
    }
    std::ranges::sort(parts);
    parts.erase(std::unique(parts.begin(), parts.end()), parts.end());
    if (parts.size() == 1) return parts[0];
    std::string list = "list:";
    for (const std::string& part : parts) list += part + '|';
    list.pop_back();
    return list;
}

std::string span_key(View valid_utf8, bool comma) {
    Text text(comma);
    text.read(valid_utf8);
    const Stretch all = trim(text.folded(), {0, text.folded().size()});
    if (all.begin < all.end)
        if (auto found = content(text.folded(), all)) return *std::move(found);
    std::vector<std::string> keys = part_keys(text, all.begin, all.end);
    if (keys.empty() || std::ranges::any_of(keys, &std::string::empty)) return {};
    return joined_spans(std::move(keys));
}

}  // namespace lmsi

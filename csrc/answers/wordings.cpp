// The canonical form of kind `text`, which is close to the original text, and the range of an answer in words.
#include "readers.hpp"

namespace lmsi {
namespace {

constexpr View ABBREVIATIONS[] = {"st",  "mr", "mrs", "ms",  "dr",  "jr",  "sr", "vs",   "no", "mt", "ft", "gen",
                                  "col", "lt", "rep", "sen", "inc", "ltd", "co", "prof", "e",  "g",  "i"};

View unquoted(View s) {
    if (one_of(s.back(), "\"`")) s.remove_suffix(1);
    if (one_of(s.front(), "\"`")) s.remove_prefix(1);
    return s;
}

// Whether the full stop at i belongs to an abbreviation or an initial, so that the sentence continues.
bool abbreviates(View s, size_t a, size_t i, size_t b) {
    size_t j = i;
    while (j > a && letter(s[j - 1]) && i - j < 6) --j;
    const char following = at(s, skip_spaces(s, i + 1, b), b);
    if (s[i] != '.' || following == '\0') return false;
    if (i - j == 1 && upper(s[j])) return true;
    return one_of(Word(s, j, i), ABBREVIATIONS) || (i > j && !upper(following) && letter(following));
}

}  // namespace

// The key ignores case, extra spaces, outer quotes, outer markup, the last full stop and commas before spaces.
std::string text_key(View valid_utf8) {
    const std::string all = plain(valid_utf8);
    View s = all;
    for (View before; s != before || s.data() != before.data();) {
        before = s;
        while (!s.empty() && s.front() == ' ') s.remove_prefix(1);
        while (!s.empty() && s.back() == ' ') s.remove_suffix(1);
        if (s.size() >= 4 && s.starts_with("**") && s.ends_with("**")) s = s.substr(2, s.size() - 4);
        else if (s.size() >= 3 && s.front() == s.back() && one_of(s.front(), "'*")) s = s.substr(1, s.size() - 2);
        else if (s.size() >= 2 && (one_of(s.front(), "\"`") || one_of(s.back(), "\"`"))) s = unquoted(s);
        else if (s.size() >= 2 && s.back() == '.' && !one_of(s[s.size() - 2], " .")) s.remove_suffix(1);
    }
    std::string key = "text:";
    for (size_t i = 0; i < s.size(); ++i) {
        const bool comma = s[i] == ',' && i + 1 < s.size() && s[i + 1] == ' ';
        if (comma) continue;
        if (s[i] == ' ' && (key.back() == ' ' || key.size() == 5)) continue;
        key += s[i];
    }
    while (key.back() == ' ') key.pop_back();
    return key.size() == 5 ? std::string() : key;
}

Reading wording(View s, size_t a, size_t b) {
    size_t stop = b;
    for (size_t i = a; i < b; ++i) {
        if (!one_of(s[i], ".!?") || (i + 1 < b && !space(s[i + 1])) || abbreviates(s, a, i, b)) continue;
        stop = i;
        break;
    }
    while (stop > a && (space(s[stop - 1]) || one_of(s[stop - 1], "*`"))) --stop;
    if (stop <= a) return std::nullopt;
    return Found{a, stop, {}};
}

}  // namespace lmsi

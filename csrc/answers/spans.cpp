// Wordings as keys: `span` after DROP's rules, keyed by content, and `text`, nearly as written.
//
// A span that is a number with its unit, a date or a time is keyed as such; parts joined by commas, semicolons or "and" are
// a list without order. Otherwise case, articles, punctuation and hyphens do not count, and number words are digits.
#include <algorithm>

#include "readers.hpp"

namespace lmsi {
namespace {

constexpr View ARTICLES[] = {"a", "an", "the"};
constexpr View LEADS[] = {"on", "in", "the", "about", "approximately", "around"};
constexpr View UNITS[] = {
    "yard", "yards", "yd", "yds", "point", "points", "goal", "goals", "touchdown", "touchdowns", "td", "tds", "pass", "passes",
    "carry", "carries", "catch", "catches", "reception", "receptions", "interception", "interceptions", "sack", "sacks",
    "quarter", "quarters", "play", "plays", "drive", "drives", "game", "games", "win", "wins", "loss", "losses", "year", "years",
    "month", "months", "week", "weeks", "day", "days", "hour", "hours", "minute", "minutes", "second", "seconds", "percent",
    "percentage", "people", "person", "persons", "men", "women", "children", "soldiers", "troops", "households", "families",
    "units", "dollar", "dollars", "cent", "cents", "euro", "euros", "pound", "pounds", "mile", "miles", "kilometer",
    "kilometers", "kilometre", "kilometres", "km", "meter", "meters", "metre", "metres", "cm", "mm", "feet", "foot", "ft",
    "inch", "inches", "degree", "degrees", "kg", "gram", "grams", "ton", "tons", "tonnes", "times", "square", "total", "more",
    "fewer", "less", "field", "old",
};
constexpr View ABBREVIATIONS[] = {"st", "mr", "mrs", "ms", "dr", "jr", "sr", "vs", "no", "mt", "ft", "gen", "col", "lt", "rep",
                                  "sen", "inc", "ltd", "co", "prof", "e", "g", "i"};
constexpr View PUNCTUATION = "!\"#$%&'()*+,./:;<=>?@[\\]^_`{|}~";

struct Stretch {
    size_t a, b;
};

// The stretch without outer spaces, markup, quotes and its last full stop.
Stretch trim(View s, size_t a, size_t b) {
    while (a < b && (space(s[a]) || one_of(s[a], "*`\"'"))) ++a;
    while (b > a && (space(s[b - 1]) || one_of(s[b - 1], "*`\"'.!?,;"))) --b;
    return {a, b};
}

std::string value_key(const Value& value, bool negative) {
    std::string key;
    value.append_key(negative, key);
    return key;
}

// The key of a number followed by nothing but units.
std::string number_span(View s, size_t a, size_t b) {
    size_t end = 0;
    std::string key;
    if (letter(s[a])) {
        const auto words = number_words(s, a, b);
        if (!words) return {};
        end = words->end;
        key = value_key(words->value, false);
    } else {
        const auto token = first_token(s, a, b);
        if (!token || !token->value || token->start != a) return {};
        end = token->end;
        key = value_key(token->value, token->negative);
    }
    while (end < b) {
        if (letter(s[end])) {
            if (!one_of(word_at(s, end, b), UNITS)) return {};
            end = word_end(s, end, b);
        } else if (space(s[end]) || one_of(s[end], "-.%")) {
            ++end;
        } else {
            return {};
        }
    }
    return key;
}

// The key of a date, a time or a number that fills the stretch.
std::string content(View s, size_t a, size_t b) {
    size_t i = a;
    while (letter(at(s, i, b)) && one_of(word_at(s, i, b), LEADS)) i = skip_spaces(s, word_end(s, i, b), b);
    if (i >= b) return {};
    if (Reading date = date_at(s, i, b); date && date->end == b) return date->key;
    if (Reading time = time_at(s, i, b); time && time->end == b) return time->key;
    return number_span(s, i, b);
}

// One word of a span: a number in digits, else its letters.
std::string word_key(const Text& text, size_t i, size_t j) {
    const View s = text.folded();
    if (digit(s[i]) || (i + 1 < j && digit(s[j - 1]))) {
        const auto token = first_token(s, i, j);
        if (token && token->start == i && token->end == j && token->value) return value_key(token->value, token->negative).substr(4);
    }
    std::string kept = plain(text.slice(i, j));
    kept.erase(std::remove_if(kept.begin(), kept.end(), [](char c) { return one_of(c, PUNCTUATION); }), kept.end());
    return kept;
}

std::vector<std::string> words_of(const Text& text, size_t a, size_t b) {
    const View s = text.folded();
    std::vector<std::string> words;
    for (size_t i = a; i < b;) {
        if (space(s[i]) || s[i] == '-') {
            ++i;
            continue;
        }
        const Word word = word_at(s, i, b);
        const bool may = letter(s[i]) && !(i > 0 && letter(s[i - 1])) && !(word == "half") && !(word == "a") && !(word == "an");
        const auto spelled = may ? number_words(s, i, b) : std::nullopt;
        if (spelled && !digit(at(s, spelled->end, b))) {
            words.push_back(value_key(spelled->value, false).substr(4));
            i = spelled->end;
            continue;
        }
        size_t j = i;
        while (j < b && !space(s[j]) && s[j] != '-') ++j;
        if (std::string kept = word_key(text, i, j); !kept.empty()) words.push_back(std::move(kept));
        i = j;
    }
    return words;
}

// Symbols alone, such as closing brackets, count as written.
std::string symbols(View valid_utf8) {
    std::string kept;
    for (const char c : plain(valid_utf8))
        if (c != ' ' || (!kept.empty() && kept.back() != ' ')) kept += c;
    return kept;
}

// The key of one part.
std::string part_key(const Text& text, size_t from, size_t to) {
    const auto [a, b] = trim(text.folded(), from, to);
    if (a >= b) return {};
    if (std::string key = content(text.folded(), a, b); !key.empty()) return key;
    const std::vector<std::string> words = words_of(text, a, b);
    const bool bare = std::all_of(words.begin(), words.end(), [](View word) { return one_of(word, ARTICLES); });
    std::string key;
    for (const std::string& word : words) {
        if (!bare && one_of(View(word), ARTICLES)) continue;
        key += key.empty() ? "span:" : " ";
        key += word;
    }
    return key.empty() ? "span:" + symbols(text.slice(a, b)) : key;
}

// The width of what separates two parts at i: ", ", ";", a line end, " and ", " & ".
size_t separator(View s, size_t i, size_t a, size_t b) {
    if (s[i] == ';' || s[i] == '\n' || (s[i] == ',' && (i + 1 == b || space(s[i + 1])))) return 1;
    if (i == a || !space(s[i - 1])) return 0;
    const size_t width = s[i] == '&' ? 1 : word_at(s, i, b) == "and" ? 3 : 0;
    return width > 0 && space(at(s, i + width, b)) ? width : 0;
}

std::vector<std::string> part_keys(const Text& text, size_t a, size_t b) {
    const View s = text.folded();
    std::vector<std::string> keys;
    const auto add = [&](size_t from, size_t to) {
        if (std::string key = part_key(text, from, to); !key.empty()) keys.push_back(std::move(key));
    };
    size_t start = a;
    for (size_t i = a; i < b;) {
        const size_t width = separator(s, i, a, b);
        if (width > 0) {
            add(start, i);
            start = i + width;
        }
        i = width > 0 ? i + width : letter(s[i]) ? word_end(s, i, b) : i + 1;
    }
    add(start, b);
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    return keys;
}

View unquoted(View s) {
    if (one_of(s.back(), "\"`")) s.remove_suffix(1);
    if (one_of(s.front(), "\"`")) s.remove_prefix(1);
    return s;
}

// Whether the full stop at i belongs to an abbreviation or an initial and the sentence goes on.
bool abbreviates(View s, size_t a, size_t i, size_t b) {
    size_t j = i;
    while (j > a && letter(s[j - 1]) && i - j < 6) --j;
    const char following = at(s, skip_spaces(s, i + 1, b), b);
    if (s[i] != '.' || following == '\0') return false;
    if (i - j == 1 && upper(s[j])) return true;
    return one_of(Word(s, j, i), ABBREVIATIONS) || (i > j && !upper(following) && letter(following));
}

}  // namespace

std::string span_key(View valid_utf8) {
    Text text;
    text.read(valid_utf8);
    const auto [a, b] = trim(text.folded(), 0, text.folded().size());
    if (a < b)
        if (std::string key = content(text.folded(), a, b); !key.empty()) return key;
    const std::vector<std::string> keys = part_keys(text, a, b);
    if (keys.size() <= 1) return keys.empty() ? std::string() : keys[0];
    std::string list = "list:";
    for (const std::string& key : keys) {
        if (list.size() > 5) list += '|';
        list += key;
    }
    return list;
}

// Case, runs of spaces, outer quotes and markup, a last full stop and ", " do not count.
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

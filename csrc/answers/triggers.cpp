#include "triggers.hpp"

#include <algorithm>

namespace lmsi {
namespace {

constexpr size_t GAP = 80;    // characters between "answer" and its verb
constexpr size_t BLOCK = 64;  // bytes tested at once
constexpr View COPULAS[] = {"is", "are", "was", "be", "equals", "becomes", "comes"};
constexpr View VERB_BEFORE[] = {"to",    "can", "cannot", "not", "will",   "must",  "should", "could", "would",
                                "we",    "you", "please", "let's", "i",    "they",  "now",    "first"};
constexpr View NO_TRIGGER[] = {"the", "this", "these", "your",     "my",        "each", "all", "any",  "every", "a",
                               "an",  "question", "questions", "with", "by",   "them", "it",  "either", "as"};
constexpr View BEST[] = {"correct", "right", "best", "final", "answer", "appropriate", "likely", "suitable", "the", "accurate"};

bool same(View s, size_t i, size_t end, View word) {  // case-insensitive, `word` in lower case
    if (i > end || end - i < word.size()) return false;
    for (size_t k = 0; k < word.size(); ++k)
        if (lower(s[i + k]) != word[k]) return false;
    return true;
}

// Whether a line beginning at i opens an invented question: "Q:", "Question 2:", "Human:".
bool asks(View s, size_t i) {
    for (View name : {View("Question"), View("Human"), View("User"), View("Q")}) {
        if (!starts(s, i, s.size(), name)) continue;
        size_t j = i + name.size();
        j = skip_spaces(s, j, std::min(s.size(), j + 1));
        for (int k = 0; k < 3; ++k) j += digit(at(s, j, s.size()));
        return at(s, j, s.size()) == ':';
    }
    return false;
}

bool ends(View s, size_t i) {
    return s[i] == '\n' ? asks(s, i + 1) : s[i] == '<' && (starts(s, i, s.size(), "</s>") || starts(s, i, s.size(), "<|"));
}

// Whether any position of s[i, i + BLOCK) may end the text. Reads one byte more.
bool block_ends(View s, size_t i) {
    unsigned char hit = 0;
    for (size_t k = i; k < i + BLOCK; ++k) {
        const char c = s[k], next = s[k + 1];
        hit |= static_cast<unsigned char>((c == '\n') & ((next == 'Q') | (next == 'H') | (next == 'U')));
        hit |= static_cast<unsigned char>((c == '<') & ((next == '/') | (next == '|')));
    }
    return hit != 0;
}

// Whether a trigger may be seen in s[i, i + BLOCK). Reads one byte more.
template <bool options> bool block_announces(View s, size_t i) {
    unsigned char hit = 0;
    for (size_t k = i; k < i + BLOCK; ++k) {
        const char c = s[k], next = s[k + 1];
        const int small = c | 0x20, following = next | 0x20;
        hit |= static_cast<unsigned char>((small == 's') & (following == 'w'));
        hit |= static_cast<unsigned char>(((c == '\\') & (next == 'b')) | ((c == '#') & (next == '#')));
        if constexpr (options)
            hit |= static_cast<unsigned char>(((small == 'p') & (following == 't')) | ((small == 'o') & (following == 'i')));
    }
    return hit != 0;
}

// The word that ends before position i.
Word word_before(View s, size_t i) {
    size_t j = i;
    while (j > 0 && (space(s[j - 1]) || s[j - 1] == '*' || s[j - 1] == '_') && i - j < 8) --j;
    size_t k = j;
    while (k > 0 && (letter(s[k - 1]) || s[k - 1] == '\'') && j - k < 16) --k;
    return {s, k, j};
}

// Whether the line before position `start` holds nothing but a short title: "## Final ".
bool titled(View s, size_t start) {
    size_t i = start;
    while (i > 0 && s[i - 1] != '\n' && start - i <= 24) --i;
    if (start - i > 24) return false;
    for (; i < start; ++i)
        if (!letter(s[i]) && !space(s[i]) && !one_of(s[i], "*#_>")) return false;
    return true;
}

// What a character that is no letter does to a trigger under way.
enum class Mark : uint8_t { pass, value, refuse };

Mark mark(View s, size_t i, size_t end, bool bare) {
    const char c = s[i];
    if (c == ':' || c == '=' || c == ALMOST) return Mark::value;
    if (one_of(c, ".?!;") && (i + 1 >= end || space(s[i + 1]))) return Mark::refuse;
    if (c == '-' && bare && space(s[i - 1]) && space(at(s, i + 1, end))) return Mark::value;
    return Mark::pass;
}

// From "answer" over at most GAP characters to its verb, its colon or the end of its heading.
std::optional<Trigger> after_answer(View s, size_t start, size_t i, size_t end) {
    bool bare = true;
    for (const size_t stop = std::min(end, i + GAP); i < stop;) {
        if (s[i] == '\n') {
            if (!bare || !titled(s, start)) return std::nullopt;
            return Trigger{start, i, end, Form::heading};
        }
        if (!letter(s[i])) {
            const Mark found = mark(s, i, end, bare);
            if (found == Mark::refuse) return std::nullopt;
            ++i;
            if (found == Mark::value) return Trigger{start, i, end, Form::answer_colon};
            continue;
        }
        size_t j = i;
        while (j < end && (letter(s[j]) || s[j] == '\'')) ++j;
        const Word word(s, i, j);
        if (one_of(word, COPULAS) || (word == "s" && s[i - 1] == '\'' && bare)) return Trigger{start, j, end, Form::answer_is};
        if (bare && one_of(word, NO_TRIGGER)) return std::nullopt;
        bare = false;
        i = j;
    }
    return std::nullopt;
}

std::optional<Trigger> answer(View s, size_t i, size_t end) {
    if (!same(s, i, end, "answer") || (i > 0 && letter(s[i - 1]))) return std::nullopt;
    size_t j = i + 6;
    j += lower(at(s, j, end)) == 's';
    if (letter(at(s, j, end)) || one_of(word_before(s, i), VERB_BEFORE)) return std::nullopt;
    return after_answer(s, i, j, end);
}

// \boxed{...} up to its own brace, or to `limit`, where a later trigger begins.
std::optional<Trigger> boxed(View s, size_t i, size_t end, size_t limit) {
    if (!starts(s, i, end, "\\boxed")) return std::nullopt;
    const size_t j = skip_spaces(s, i + 6, end);
    if (at(s, j, end) != '{') {
        if (letter(at(s, i + 6, end))) return std::nullopt;
        return Trigger{i, j, end, Form::boxed};
    }
    long depth = 0;
    for (size_t k = j; k < limit; ++k) {
        depth += (s[k] == '{') - (s[k] == '}');
        if (depth == 0) return Trigger{i, j + 1, k, Form::boxed};
    }
    return Trigger{i, j + 1, end, Form::boxed};
}

std::optional<Trigger> hashes(View s, size_t i, size_t end) {
    if (!starts(s, i, end, "####") || (i > 0 && s[i - 1] == '#') || at(s, i + 4, end) == '#') return std::nullopt;
    return Trigger{i, i + 4, end, Form::hashes};
}

// "the correct option is (D)": the verb follows at once, so "option B is wrong" is none.
std::optional<Trigger> option(View s, size_t i, size_t end) {
    if ((!same(s, i, end, "option") && !same(s, i, end, "choice")) || !one_of(word_before(s, i), BEST)) return std::nullopt;
    const size_t j = skip_spaces(s, i + 6, end);
    if (at(s, j, end) == ':') return Trigger{i, j + 1, end, Form::answer_colon};
    const size_t stop = word_end(s, j, end);
    if (j == i + 6 || !one_of(Word(s, j, stop), COPULAS)) return std::nullopt;
    return Trigger{i, stop, end, Form::answer_is};
}

}  // namespace

size_t readable_end(View s) {
    size_t i = skip_spaces(s, 0, s.size());
    if (i < s.size()) ++i;
    for (; i + BLOCK < s.size(); i += BLOCK)
        if (block_ends(s, i))
            for (size_t k = i; k < i + BLOCK; ++k)
                if (ends(s, k)) return k;
    for (; i < s.size(); ++i)
        if (ends(s, i)) return i;
    return s.size();
}

// Every trigger has a rare pair of letters; i is where the pair begins.
std::optional<Trigger> Triggers::match(size_t i) const {
    const char c = s_[i], following = s_[i + 1];
    if (c == '\\' && following == 'b') return boxed(s_, i, end_, limit_);
    if (c == '#' && following == '#') return hashes(s_, i, end_);
    const char small = lower(c), next_small = lower(following);
    if (small == 's' && next_small == 'w' && i >= 2) return answer(s_, i - 2, end_);
    if (!options_) return std::nullopt;
    if (small == 'p' && next_small == 't' && i >= 1) return option(s_, i - 1, end_);
    if (small == 'o' && next_small == 'i' && i >= 2) return option(s_, i - 2, end_);
    return std::nullopt;
}

std::optional<Trigger> Triggers::next() {
    while (i_ > 0) {
        if (i_ >= BLOCK && !(options_ ? block_announces<true>(s_, i_ - BLOCK) : block_announces<false>(s_, i_ - BLOCK))) {
            i_ -= BLOCK;
            continue;
        }
        for (const size_t stop = i_ >= BLOCK ? i_ - BLOCK : 0; i_ > stop;) {
            const auto found = match(--i_);
            if (!found) continue;
            limit_ = found->start;
            return found;
        }
    }
    return std::nullopt;
}

bool is_markup(char c) { return one_of(c, "*`\":#_\xad"); }

Region value_region(View s, const Trigger& trigger, size_t limit) {
    size_t i = trigger.value;
    const size_t stop = std::min(trigger.stop, limit);
    bool fresh = false;
    for (; i < stop; ++i) {
        if (s[i] == '\n') {
            if (trigger.form == Form::hashes) return {i, i, fresh};
            fresh = true;
        } else if (starts(s, i, stop, "$$") || starts(s, i, stop, "\\[") || starts(s, i, stop, "\\(")) {
            ++i;
        } else if (!space(s[i]) && !is_markup(s[i])) {
            break;
        }
    }
    if (trigger.form == Form::boxed) return {i, stop, false};
    const size_t line = s.substr(0, stop).find('\n', i);
    return {i, line == View::npos ? stop : line, fresh};
}

}  // namespace lmsi

// Announcements by words: "answer", and for choices "option", "choice" and "correct".
//
// The value follows the word ("the answer is", "Answer:", a heading, a tag) or precedes it ("(B) is the correct
// answer").
#include <algorithm>

#include "triggers.hpp"

namespace lmsi {
namespace {

constexpr size_t GAP = 80;      // maximum number of characters between "answer" and its verb
constexpr size_t CLAUSE = 120;  // number of characters before "is the correct answer" in which the answer may be
constexpr View COPULAS[] = {"is", "are", "was", "be", "equals", "becomes", "comes"};
constexpr View VERB_BEFORE[] = {"to", "can", "cannot", "not",   "will", "must", "should", "could", "would",
                                "we", "you", "please", "let's", "i",    "they", "now",    "first"};
constexpr View NO_TRIGGER[] = {"the", "this",     "these",     "your", "my", "each", "all", "any",    "every", "a",
                               "an",  "question", "questions", "with", "by", "them", "it",  "either", "as"};
constexpr View BEST[] = {"correct", "right", "best", "final", "answer", "appropriate", "likely", "suitable", "the", "accurate"};
constexpr View DENIALS[] = {"not", "cannot", "never"};
constexpr View PRAISE[] = {"correct",  "right",    "best", "final", "most", "appropriate", "likely",
                           "suitable", "accurate", "only", "the",   "our",  "my"};
constexpr View BEING[] = {"is", "be", "was"};

struct Previous {
    size_t begin;
    Word word;
};

// The word that ends before position i, including apostrophes.
Previous previous(View s, size_t i) {
    size_t j = i;
    while (j > 0 && (space(s[j - 1]) || s[j - 1] == '*' || s[j - 1] == '_') && i - j < 8) --j;
    size_t k = j;
    while (k > 0 && (letter(s[k - 1]) || s[k - 1] == '\'') && j - k < 16) --k;
    return {k, Word(s, k, j)};
}

// The start of the clause that ends at i.
size_t clause(View s, size_t i) {
    size_t k = i;
    while (k > 0 && i - k < CLAUSE && s[k - 1] != '\n' && !(space(s[k]) && one_of(s[k - 1], ".?!;:,"))) --k;
    return k;
}

// Finds "(B) is the correct answer", where the value precedes the verb in the same clause. `last` is the word before
// "answer" or "option".
MaybeTrigger before_answer(View s, Previous last) {
    if (!one_of(last.word, PRAISE)) return std::nullopt;
    while (one_of(last.word, PRAISE)) last = previous(s, last.begin);
    if (!one_of(last.word, BEING)) return std::nullopt;
    return Trigger{clause(s, last.begin), last.begin, Form::is_the_answer};
}

// Whether the line before position `start` contains only a short title: "## Final ".
bool titled(View s, size_t start) {
    size_t i = start;
    while (i > 0 && s[i - 1] != '\n' && start - i <= 24) --i;
    if (start - i > 24) return false;
    for (; i < start; ++i)
        if (!letter(s[i]) && !space(s[i]) && !one_of(s[i], "*#_>")) return false;
    return true;
}

// What a character that is not a letter means between "answer" and its value.
enum class Mark : uint8_t { pass, value, refuse };

Mark mark(View s, size_t i, size_t end, bool bare) {
    const char c = s[i];
    if (c == ':' || c == '=' || c == ALMOST) return Mark::value;
    if (one_of(c, ".?!;") && (i + 1 >= end || space(s[i + 1]))) return Mark::refuse;
    if (c == '-' && bare && space(s[i - 1]) && space(at(s, i + 1, end))) return Mark::value;
    return Mark::pass;
}

// Whether the word negates the verb after it: "the answer cannot be 5".
bool denies(View s, size_t begin, size_t end) {
    return one_of(Word(s, begin, end), DENIALS) || (end - begin >= 3 && same(s, end - 3, end, "n't"));
}

// Scans at most GAP characters after "answer" for a verb, a colon or the end of a heading.
MaybeTrigger after_answer(View s, size_t start, size_t i, size_t end) {
    Stretch last{i, i};  // the previous word
    bool bare = true;
    for (const size_t stop = std::min(end, i + GAP); i < stop;) {
        if (s[i] == '\n') {
            if (!bare || !titled(s, start)) return std::nullopt;
            return Trigger{i, end, Form::heading};
        }
        if (!letter(s[i])) {
            const Mark found = mark(s, i, end, bare);
            if (found == Mark::refuse) return std::nullopt;
            ++i;
            if (found == Mark::value) return Trigger{i, end, Form::answer_colon};
            continue;
        }
        size_t j = i;
        while (j < end && (letter(s[j]) || s[j] == '\'')) ++j;
        const Word word(s, i, j);
        if (one_of(word, COPULAS) || (word == "s" && s[i - 1] == '\'' && bare)) {
            if (denies(s, last.begin, last.end)) return std::nullopt;
            return Trigger{j, end, Form::answer_is};
        }
        if (bare && one_of(word, NO_TRIGGER)) return std::nullopt;
        last = {i, j};
        bare = false;
        i = j;
    }
    return std::nullopt;
}

// The start of the name of a tag whose last word is at i: answer, final_answer.
size_t tag_begin(View s, size_t i) {
    const bool final = i >= 6 && same(s, i - 6, i - 1, "final") && one_of(s[i - 1], "_- ");
    return final ? i - 6 : i;
}

// If a colon follows "is the answer", only the text after the colon is announced. Otherwise the text before "is the
// answer" is tried first, and then the text after it.
Announcement either(MaybeTrigger before, MaybeTrigger after) {
    if (after && after->form != Form::answer_is) before.reset();
    return {before, after};
}

}  // namespace

bool same(View s, size_t i, size_t end, View word) {
    if (i > end || end - i < word.size()) return false;
    for (size_t k = 0; k < word.size(); ++k)
        if (lower(s[i + k]) != word[k]) return false;
    return true;
}

Announcement answer_announces(View s, size_t i, size_t end) {
    if (!same(s, i, end, "answer") || (i > 0 && letter(s[i - 1]))) return {};
    size_t j = i + 6;
    j += lower(at(s, j, end)) == 's';
    if (letter(at(s, j, end))) return {};
    const Previous last = previous(s, i);
    if (one_of(last.word, VERB_BEFORE)) return {};
    const size_t name = tag_begin(s, i);
    const char opening = name > 0 ? s[name - 1] : '\0', closing = at(s, j, end);
    if (opening == '/' && name > 1 && one_of(s[name - 2], "<[")) return {};  // </answer> announces nothing
    if ((opening == '<' && closing == '>') || (opening == '[' && closing == ']')) return {{}, Trigger{j + 1, end, Form::tag}};
    const MaybeTrigger after = after_answer(s, i, j, end);
    return either(after && after->form != Form::answer_is ? std::nullopt : before_answer(s, last), after);
}

// Finds "the correct option is (D)". The verb must follow the word directly, so "option B is wrong" announces nothing.
Announcement option_announces(View s, size_t i, size_t end) {
    if (!same(s, i, end, "option") && !same(s, i, end, "choice")) return {};
    const Previous last = previous(s, i);
    if (!one_of(last.word, BEST)) return {};
    const size_t j = skip_spaces(s, i + 6, end), stop = word_end(s, j, end);
    MaybeTrigger after;
    if (at(s, j, end) == ':') after = Trigger{j + 1, end, Form::answer_colon};
    else if (j > i + 6 && one_of(Word(s, j, stop), COPULAS)) after = Trigger{stop, end, Form::answer_is};
    return either(before_answer(s, last), after);
}

// Finds "(B) is correct" at the end of a sentence. The subject must look like an option's letter: it must be a single
// capital letter or end with a bracket.
Announcement correct_announces(View s, size_t i, size_t end) {
    if (!same(s, i, end, "correct")) return {};
    size_t k = i + 7;
    while (at(s, k, end) == '*') ++k;
    const char c = at(s, k, end);
    const bool ends = c == '\0' || c == '\n' || (one_of(c, ".!;") && (k + 1 >= end || space(s[k + 1])));
    const Previous last = previous(s, i);
    if (!ends || !one_of(last.word, BEING)) return {};
    k = last.begin;
    while (k > 0 && (space(s[k - 1]) || one_of(s[k - 1], "*_"))) --k;
    if (k == 0) return {};
    const bool lone = upper(s[k - 1]) && !(k > 1 && letter(s[k - 2]));
    if (!lone && !one_of(s[k - 1], ")]}")) return {};
    return {Trigger{clause(s, last.begin), last.begin, Form::is_the_answer}, {}};
}

}  // namespace lmsi

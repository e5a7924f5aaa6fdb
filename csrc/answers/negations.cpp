// Negations of an option: "it is not green", "B is wrong", "no idea".
#include <algorithm>

#include "readers.hpp"

namespace lmsi {
namespace {

constexpr View DENIALS[] = {"not",       "never",  "neither",   "nor",        "none",   "cannot",    "without", "except",
                            "excluding", "unlike", "eliminate", "eliminated", "unsure", "uncertain", "instead"};
constexpr View VERBS[] = {"is",  "are", "was",   "were",  "be",     "am",   "do",   "does", "did",   "have",  "has",
                          "had", "can", "could", "would", "should", "will", "must", "may",  "might", "seems", "looks"};
constexpr View REFUSALS[] = {"not", "never", "no", "wrong", "incorrect", "false", "impossible", "unsure", "uncertain", "out", "eliminated"};
constexpr View IGNORANCE[] = {"idea",    "ideas",   "clue",        "clues",   "way",   "answer",
                              "answers", "opinion", "information", "comment", "doubt", "problem"};
constexpr View AFTER_NO[] = {"it",    "they",  "he",  "she",     "we",    "you", "i",   "this", "that", "these",
                             "those", "there", "the", "because", "since", "as",  "but", "and",  "not"};
constexpr View AFTER_NUMERAL[] = {"is", "and", "or", "only", "alone", "because", "since"};

// The words of a matchable text, one by one.
class Words {
public:
    explicit Words(View text) : rest_(text) {}
    View next() {
        const size_t stop = std::min(rest_.find(' '), rest_.size());
        const View word = rest_.substr(0, stop);
        rest_.remove_prefix(std::min(stop + 1, rest_.size()));
        return word;
    }

private:
    View rest_;
};

bool contracted(View word) { return word.ends_with("n't"); }

}  // namespace

bool no_noun(View word) { return one_of(word, IGNORANCE); }

// A "no" at the beginning is an interjection and negates nothing: "no, it is green".
bool denies(View words) {
    Words each(words);
    bool first = true;
    for (View word = each.next(); !word.empty(); word = each.next()) {
        if (one_of(word, DENIALS) || contracted(word) || (word == "no" && !first)) return true;
        first = false;
    }
    return false;
}

// Whether the words begin with a negation: "is not", "isn't", "is wrong", "cannot be".
bool refuses(View words) {
    Words each(words);
    const View first = each.next(), second = each.next();
    return first == "cannot" || contracted(first) || (one_of(first, VERBS) && (one_of(second, REFUSALS) || contracted(second)));
}

bool means(View option, View before, View after) {
    const View following = Words(after).next();
    if (option == "no") return before.empty() ? !no_noun(following) : after.empty() || one_of(following, AFTER_NO);
    return option != "i" || after.empty() || one_of(following, AFTER_NUMERAL);
}

}  // namespace lmsi

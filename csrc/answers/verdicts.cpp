// Parses yes or no, and entailment, contradiction or neutral. A verdict must be a word or phrase of a fixed list; it is
// never guessed from prose.
#include <algorithm>

#include "readers.hpp"

namespace lmsi {
namespace {

constexpr size_t WINDOW = 400;  // number of characters of a value that are searched, since a verdict is short

struct Verdict {
    View word, key;
};
constexpr Verdict YES_NO[] = {{"yes", "bool:yes"}, {"true", "bool:yes"}, {"valid", "bool:yes"},  {"plausible", "bool:yes"},
                              {"no", "bool:no"},   {"false", "bool:no"}, {"invalid", "bool:no"}, {"implausible", "bool:no"}};
constexpr Verdict NLI[] = {{"yes", "nli:entailment"},
                           {"true", "nli:entailment"},
                           {"entailment", "nli:entailment"},
                           {"entails", "nli:entailment"},
                           {"entailed", "nli:entailment"},
                           {"no", "nli:contradiction"},
                           {"false", "nli:contradiction"},
                           {"contradiction", "nli:contradiction"},
                           {"contradicts", "nli:contradiction"},
                           {"contradictory", "nli:contradiction"},
                           {"contradicted", "nli:contradiction"},
                           {"neutral", "nli:neutral"},
                           {"inconclusive", "nli:neutral"},
                           {"undetermined", "nli:neutral"},
                           {"maybe", "nli:neutral"},
                           {"unknown", "nli:neutral"},
                           {"neither", "nli:neutral"}};
constexpr View NEGATIONS[] = {"not possible to", "impossible to", "cannot", "can't", "can not", "unable to", "not able to"};
constexpr View KNOWING[] = {"tell", "say", "determine", "be determined", "know", "be known", "conclude", "infer", "be inferred"};
constexpr View NEUTRAL[] = {"not enough information", "not sure", "not clear", "unclear", "insufficient information"};
constexpr View FILLERS[] = {"most",      "likely", "definitely", "clearly", "probably", "a",      "an",      "the",  "simply",
                            "therefore", "thus",   "text",       "textbf",  "textit",   "mathrm", "boxed",   "that", "option",
                            "answer",    "would",  "be",         "is",      "it",       "indeed", "actually"};

struct Verdicts {
    const Verdict *first, *last;
    View operator()(View word) const {
        const auto* found = std::find_if(first, last, [word](const Verdict& verdict) { return verdict.word == word; });
        return found == last ? View{} : found->key;
    }
};
constexpr Verdicts yes_no{std::begin(YES_NO), std::end(YES_NO)};
constexpr Verdicts nli{std::begin(NLI), std::end(NLI)};

// The first meaningful word of a value.
size_t head_of(View s, size_t i, size_t end) {
    while (i < end && !(letter(s[i]) && !one_of(word_at(s, i, end), FILLERS))) i = letter(s[i]) ? word_end(s, i, end) : i + 1;
    return i;
}

// Whether a verdict is one of several offered alternatives: "yes or no", "yes/no".
bool alternative(View s, size_t i, size_t end, const Verdicts& verdicts) {
    i = skip_spaces(s, i, end);
    const Word word = word_at(s, i, end);
    if (at(s, i, end) == '/') i = skip_spaces(s, i + 1, end);
    else if (word == "or" || word == "and") i = skip_spaces(s, word_end(s, i, end), end);
    else return false;
    return !verdicts(word_at(s, i, end)).empty();
}

// "no" counts only if no word follows it, since that word may be its noun.
bool counts(View s, View word, size_t stop, size_t end) { return word != "no" || !letter(at(s, skip_spaces(s, stop, end), end)); }

// The verdict of a sentence that has just one.
Reading only(View s, size_t i, size_t end, const Verdicts& verdicts) {
    Reading found;
    while (i < end) {
        if (!letter(s[i])) {
            ++i;
            continue;
        }
        const size_t j = word_end(s, i, end);
        const Word word(s, i, j);
        if (word == "not") return std::nullopt;
        const View said = verdicts(word);
        if (!said.empty() && counts(s, word, j, end)) {
            if (found && found->key != said) return std::nullopt;
            if (!found) found = Found{i, j, std::string(said)};
        }
        i = j;
    }
    return found;
}

Reading verdict(View s, size_t a, size_t b, const Verdicts& verdicts) {
    const size_t stop = sentence_end(s, a, std::min(b, a + WINDOW));
    const size_t head = head_of(s, a, stop);
    const View said = verdicts(word_at(s, head, stop));
    if (said.empty()) return only(s, head, stop, verdicts);
    const size_t end = word_end(s, head, stop);
    const bool unknown = word_at(s, head, stop) == "no" && no_noun(word_at(s, skip_spaces(s, end, stop), stop));
    if (unknown || alternative(s, end, stop, verdicts)) return std::nullopt;
    return Found{head, end, std::string(said)};
}

// The first phrase that says that it is not possible to tell.
Reading neutral(View s, size_t a, size_t stop) {
    std::string value(s.substr(a, stop - a));
    std::transform(value.begin(), value.end(), value.begin(), lower);
    size_t first = std::string::npos, last = 0;
    const auto look = [&](const std::string& phrase) {
        const size_t at = value.find(phrase);
        if (at == std::string::npos || at > first || (at == first && at + phrase.size() > last)) return;
        first = at;
        last = at + phrase.size();
    };
    for (View negation : NEGATIONS)
        for (View verb : KNOWING) look(std::string(negation) + ' ' + std::string(verb));
    for (View phrase : NEUTRAL) look(std::string(phrase));
    if (first == std::string::npos) return std::nullopt;
    return Found{a + first, a + last, "nli:neutral"};
}

// The verdict at the beginning of the text, or else the last one that stands alone.
Reading last_verdict(View s, size_t end, const Verdicts& verdicts) {
    const size_t head = head_of(s, 0, end);
    if (const View said = verdicts(word_at(s, head, end)); !said.empty()) return Found{head, word_end(s, head, end), std::string(said)};
    for (size_t i = end; i > 0;) {
        if (!letter(s[i - 1])) {
            --i;
            continue;
        }
        const size_t stop = i;
        while (i > 0 && letter(s[i - 1])) --i;
        const Word word(s, i, stop);
        const View said = verdicts(word);
        if (!said.empty() && counts(s, word, stop, end)) return Found{i, stop, std::string(said)};
    }
    return std::nullopt;
}

}  // namespace

Reading yes_no_value(View s, size_t a, size_t b) { return verdict(s, a, b, yes_no); }

Reading nli_value(View s, size_t a, size_t b) {
    if (Reading found = neutral(s, a, sentence_end(s, a, std::min(b, a + WINDOW)))) return found;
    return verdict(s, a, b, nli);
}

Reading last_yes_no(View s, size_t end) { return last_verdict(s, end, yes_no); }
Reading last_nli(View s, size_t end) { return last_verdict(s, end, nli); }

}  // namespace lmsi

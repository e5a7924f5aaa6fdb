// One parser per answer kind. Each finds the answer that a range of folded text announces, and computes its key.
//
// Parsers look only at s[a, b), take time linear in its length, and return nothing rather than guess.
#pragma once

#include <optional>
#include <vector>

#include "numbers.hpp"
#include "text.hpp"
#include "triggers.hpp"

namespace lmsi {

struct Found {
    size_t start, end;
    std::string key;
};
using Reading = std::optional<Found>;

// The position of the first full stop, question mark or exclamation mark at or after i that ends a sentence, or `end`.
size_t sentence_end(View s, size_t i, size_t end);

// Finds the last digit of the text. After "Answer:" or a heading, a digit after the end of the sentence means that the
// calculation continues there, so the sentence does not contain its result: "Answer: 3 * 4 = 12. 12 + 1 = 13".
struct LastDigit {
    View text;
    bool behind(size_t i) {
        if (!known) {
            for (at = text.size(); at > 0 && !digit(text[at - 1]); --at) {}
            known = true;
        }
        return at > i;
    }
    size_t at = 0;  // one after the last digit
    bool known = false;
};
// The number of an announced value. A value after ####, after the label of a list item or before "is the answer" must
// begin with its number; before "is the answer", it must contain no second number.
Reading number_value(View s, size_t a, size_t b, Form form, bool labelled, LastDigit& digits);
Reading last_number(View s, size_t end);

// The form in which option texts are compared: lower-case words without articles and outer punctuation, one space apart.
std::string matchable(View text);
constexpr size_t OPTION_WINDOW = 2000;  // number of characters searched for an option's text, since an announced value is short

// The options of one question: the number of letters, and the text of each option. They are set again for each row.
class Options {
public:
    explicit Options(bool comma) : text_(comma) {}
    void none() { given_ = false, letters_ = 26; }
    void begin() { given_ = true, letters_ = 0, texts_.clear(), numbers_.clear(); }
    void add(View text);
    bool given() const { return given_ && !texts_.empty(); }
    unsigned letters() const { return letters_; }
    std::optional<size_t> by_text(View value) const;
    std::optional<size_t> by_number(View key) const;
    // Whether the words after a letter begin with the text of that option: "(B) C" if the text of option B is "C".
    bool says(char letter, View words) const;

private:
    Text text_;
    bool given_ = false;
    unsigned letters_ = 26;
    std::vector<std::string> texts_, numbers_;
};

// letters.cpp: letters that name an option, such as (B), B., **B** or option B.
Found choice(size_t start, size_t end, char letter);
inline char letter_of(const Found& found) { return found.key.back(); }
Reading head_letter(View s, size_t& i, size_t end, const Options& options);  // at the start of a value; moves `i` after filler words
Reading letter_inside(View s, size_t i, size_t end, const Options& options);
bool another_letter(const Text& text, const Found& found, size_t end, const Options& options);  // "A or B", "(B)(C)"
Reading last_letter(View s, size_t end, const Options& options);

// negations.cpp: tests of the words before and after an option. All words must be in the form that `matchable` returns.
bool denies(View words);                           // whether the words before an option negate it
bool refuses(View words);                          // whether the words after an option negate it
bool means(View option, View before, View after);  // false if the option's text "no" belongs to a noun, or "I" to a verb
bool no_noun(View word);                           // whether "no" before this noun is not an answer: no idea, no way to tell

Reading choice_value(const Text& text, size_t a, size_t b, const Options& options);

Reading yes_no_value(View s, size_t a, size_t b);
Reading nli_value(View s, size_t a, size_t b);
Reading last_yes_no(View s, size_t end);
Reading last_nli(View s, size_t end);

// The date at i; its key is empty if the day does not exist.
Reading date_at(View s, size_t i, size_t end);
Reading time_at(View s, size_t i, size_t end);
Reading date_value(View s, size_t a, size_t b);

// The key of an answer in words: span_key for kind span, text_key for kind text. It is empty if no text is left to compare,
// and for a span also if the key of one of its parts is empty.
std::string span_key(View valid_utf8, bool comma);
std::string joined_spans(std::vector<std::string> keys);  // an unordered list, whose parts may be lists
// The range of a span without its outer brackets, quotes, markup and punctuation.
Stretch trim(View s, Stretch stretch);
// The key of a trimmed span that is a number, a date or a time; nothing if it is none of these. The key is empty if the
// span has the form of a number, date or time but no valid value, such as NaN or a day that does not exist.
std::optional<std::string> content(View s, Stretch stretch);
std::string text_key(View valid_utf8);
// The range of a value up to the end of its sentence; the caller computes the key.
Reading wording(View s, size_t a, size_t b);

}  // namespace lmsi

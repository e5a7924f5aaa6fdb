// One reader per answer kind: the answer that a stretch of folded text announces, with its key.
//
// Readers work on s[a, b) alone, in time linear in its length, and return nothing rather than guess.
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

// The first full stop, question or exclamation mark that ends a sentence at or after i.
size_t sentence_end(View s, size_t i, size_t end);

// `calculating`: a digit follows the sentence, so that "Answer: 3 * 4 = 12. ..." is a calculation under way.
struct LastDigit {
    View text;
    bool behind(size_t i) {
        if (!known) {
            for (at = text.size(); at > 0 && !digit(text[at - 1]); --at) {}
            known = true;
        }
        return at > i;
    }
    size_t at = 0;  // one behind the last digit
    bool known = false;
};
Reading number_value(View s, size_t a, size_t b, Form form, bool fresh, LastDigit& digits);
Reading last_number(View s, size_t end);

// The options of one question: how many letters there are, and what each one says. Given anew for each row.
class Options {
public:
    void none() { given_ = false, letters_ = 26; }
    void begin() { given_ = true, letters_ = 0, texts_.clear(), numbers_.clear(); }
    void add(View text);
    bool given() const { return given_ && !texts_.empty(); }
    unsigned letters() const { return letters_; }
    std::optional<size_t> by_text(View value) const;
    std::optional<size_t> by_number(View key) const;

private:
    bool given_ = false;
    unsigned letters_ = 26;
    std::vector<std::string> texts_, numbers_;
};
Reading choice_value(const Text& text, size_t a, size_t b, const Options& options);
Reading last_letter(View s, size_t end, const Options& options);

Reading yes_no_value(View s, size_t a, size_t b);
Reading nli_value(View s, size_t a, size_t b);
Reading last_yes_no(View s, size_t end);
Reading last_nli(View s, size_t end);

Reading date_at(View s, size_t i, size_t end);
Reading time_at(View s, size_t i, size_t end);
Reading date_value(View s, size_t a, size_t b);

// The keys of wordings; empty where nothing is said.
std::string span_key(View valid_utf8);
std::string text_key(View valid_utf8);
// The stretch that a value says, up to the end of its sentence; the caller keys it.
Reading wording(View s, size_t a, size_t b);

}  // namespace lmsi

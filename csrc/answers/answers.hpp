// Finds where a completion states its answer, and computes the canonical form of the answer, the key.
//
// Two answers are the same if and only if their keys are equal (docs/answers.md). Guarantees: any bytes are accepted,
// the time is linear in the length of the text, and parsing uses no locale, no floating point and no backtracking. A
// Reader reuses its buffers, so memory is allocated per answer and never per character.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "readers.hpp"

namespace lmsi {

enum class Kind : uint8_t { number, choice, yes_no, nli, span, date, text, math };

std::optional<Kind> kind_named(std::string_view name);
std::string_view rule_name(Form form);  // the `rule` column

struct Answer {
    size_t start, end;         // positions in characters
    std::string_view surface;  // valid until the next text is parsed
    std::string key;           // empty for `math`, whose normal form is computed by the caller
    Form rule;
};

class Reader {
public:
    // `comma`: numbers have decimal commas, so 3,5 is 7/2 and 1.234 is 1234.
    explicit Reader(Kind kind, bool comma = false) : kind_(kind), comma_(comma), options_(comma), text_(comma) {}
    // The options of the next text, for kind `choice`.
    Options& options() { return options_; }
    // Returns the announced answer. If the text announces none, `fall_back` makes its last number, letter or verdict the
    // answer. If the text was `cut` by the length limit, an answer that touches the end of the text is unparsable.
    std::optional<Answer> read(std::string_view text, bool fall_back, bool cut);
    // The key of a gold or already extracted answer; empty if it is unparsable.
    std::string canonical(std::string_view answer);

private:
    Reading value(size_t a, size_t b, Form form, bool labelled, LastDigit& digits) const;
    Reading worded(size_t a, size_t b, Form form) const;
    Reading boxes(size_t begin, size_t end, LastDigit& digits) const;
    std::string wording_key(std::string_view said) const;
    Reading fallback(size_t end) const;
    bool touches_end(const Found& found) const;

    Kind kind_;
    bool comma_;
    Options options_;
    Text text_;
};

}  // namespace lmsi

// Fuzzes answers with arbitrary bytes. It checks that there are no memory or arithmetic errors, that positions are
// inside the text, that parsing a text twice gives the same answer, and that parsing a key gives the same key.
//
// The first byte of an input selects the kind and the parsing options, the second the number of options; the rest is
// the text.
#include "../answers/answers.hpp"

#include <algorithm>
#include <cstring>
#include <memory>

#include "fuzz.hpp"

namespace {

using lmsi::Kind;
using MaybeAnswer = std::optional<lmsi::Answer>;

const char* const OPTIONS[] = {"12 km", "the dog", "\xFF", "none of the above", "A", "1/2"};

lmsi::Reader make_reader(Kind kind, unsigned options) {
    lmsi::Reader reader(kind);
    if (options == 0) return reader;
    reader.options().begin();
    for (unsigned i = 0; i < options; ++i) reader.options().add(OPTIONS[i]);
    return reader;
}

// A copy whose buffer ends with the text, so that a sanitizer detects a read beyond it.
class Exact {
public:
    explicit Exact(std::string_view text) : bytes_(new char[text.size()]), size_(text.size()) {
        std::copy(text.begin(), text.end(), bytes_.get());
    }
    operator std::string_view() const { return {bytes_.get(), size_}; }

private:
    std::unique_ptr<char[]> bytes_;
    size_t size_;
};

void check_same(const MaybeAnswer& a, const MaybeAnswer& b, const char* what) {
    fuzz::check(a.has_value() == b.has_value(), what);
    if (a) fuzz::check(a->key == b->key && a->start == b->start && a->end == b->end && a->rule == b->rule, what);
}

// A key without its prefix is a plain answer, and parsing this answer must give the same key.
void names_itself(Kind kind, const std::string& key) {
    if (kind != Kind::number && kind != Kind::yes_no && kind != Kind::choice && kind != Kind::nli) return;
    const std::string plain = key.substr(key.find(':') + 1);
    lmsi::Reader reader = make_reader(kind, 0);
    fuzz::check(reader.canonical(plain) == key, "parsing a key gives another key");
}

bool is_ascii(std::string_view text) {
    return std::ranges::none_of(text, [](char byte) { return byte < 0; });
}

size_t characters(std::string_view valid_utf8) {
    return static_cast<size_t>(std::ranges::count_if(valid_utf8, [](char byte) { return (byte & 0xC0) != 0x80; }));
}

void check_answer(std::string_view text, Kind kind, const lmsi::Answer& answer) {
    fuzz::check(answer.start <= answer.end && answer.end <= text.size(), "a position outside the text");
    fuzz::check(characters(answer.surface) == answer.end - answer.start, "a surface whose length does not match its positions");
    const bool there = !is_ascii(text) || text.substr(answer.start, answer.end - answer.start) == answer.surface;
    fuzz::check(there, "a surface that differs from the text at its positions");
    fuzz::check(answer.key.empty() == (kind == Kind::math), "an answer without a key");
    if (!answer.key.empty()) names_itself(kind, answer.key);
}

// Checks relations between the results of different parsing options (docs/answers.md, "Where an answer is announced").
void check_ways(std::string_view text, Kind kind, unsigned options) {
    lmsi::Reader reader = make_reader(kind, options), again = make_reader(kind, options);
    const MaybeAnswer announced = reader.read(text, false, false);
    if (announced) check_answer(text, kind, *announced);
    if (announced) fuzz::check(announced->rule != lmsi::Form::last, "a fallback that was not requested");
    again.canonical(text);
    check_same(announced, again.read(text, false, false), "a reused reader gives a different answer");
    const MaybeAnswer last = again.read(text, true, false);
    if (last) check_answer(text, kind, *last);
    if (announced) check_same(announced, last, "the fallback overrides an announcement");
    for (const bool fall_back : {false, true})
        if (const MaybeAnswer cut = reader.read(text, fall_back, true)) {
            fuzz::check(!is_ascii(text) || cut->end < text.size(), "an answer that may be incomplete");
            check_same(cut, again.read(text, fall_back, false), "a cut text gives a different answer");
        }
}

// Text after an invented question must not affect the answer.
void check_stop(std::string_view text, Kind kind, unsigned options, bool fall_back) {
    lmsi::Reader reader = make_reader(kind, options), again = make_reader(kind, options);
    if (std::ranges::all_of(text, [](char c) { return std::strchr(" \t\r\n\v\f", c) != nullptr || c < 0; })) return;
    const Exact longer(std::string(text) + "\nQ: Is the answer 5?\nA: The answer is yes, (B) or 12.");
    check_same(reader.read(text, fall_back, false), again.read(longer, fall_back, false), "text after a stop sequence was parsed");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 2) return 0;
    const auto kind = static_cast<Kind>(data[0] % 8);
    const Exact text({reinterpret_cast<const char*>(data) + 2, size - 2});
    if (data[0] & 8) check_stop(text, kind, data[1] % 7, data[0] & 16);
    else check_ways(text, kind, data[1] % 7);
    return 0;
}

std::vector<std::string> fuzz::seeds() {
    const std::vector<std::string> texts = {"She has 3 + 4 = 7 apples. The answer is 7.",
                                            "First 5 * 3 = 15.\n#### 1,234.50",
                                            "Thus \\boxed{\\frac{3}{4}} is right. I hope it is correct.",
                                            "**Answer:** (B) the dog\n\nQ: What is next?\nA: The answer is (C).",
                                            "So the answer is yes.",
                                            "Final Answer\n-80 (please double-check)",
                                            "The answer is October 2, 2022.",
                                            "The answer is one hundred and twenty-one and a half miles in 7 hours",
                                            "The answer is $7425.00 in 1 week, or 10% of 2 x 10^5",
                                            "It is not possible to tell. Answer: neutral",
                                            "The answer is Denver Broncos, the Patriots and 12 dogs",
                                            "The answer is 2 hours and 30 minutes, or 5'6\", not 3,5 kg",
                                            "(a) \\boxed{3}, (b) \\fbox{5} <answer>18</answer>",
                                            "Answer:\n1. I think (B) is the correct answer; it isn't C",
                                            "answer is \\left(\\sqrt{2}, 2\\pi\\right) \\cup [1e999999999, \\infty)"};
    std::vector<std::string> all;
    for (const std::string& text : texts)
        for (char mode = 0; mode < 32; mode = static_cast<char>(mode + 5)) all.push_back(std::string{mode, mode} + text);
    return all;
}

std::vector<std::string> fuzz::pieces() {
    using namespace std::string_literals;
    return {"The answer is ",
            "answer: ",
            "####",
            "\\boxed{",
            "\\frac{1}{",
            "{",
            "}",
            "**",
            "(A)",
            " or ",
            "not ",
            "\nQ:",
            "\n",
            "\0"s,
            "\xFF",
            "\xE2\x82",
            "\xF0\x9F\x98\x80",
            "\xEF\xBC\x97",
            "\xC2\xBD",
            "1",
            "9,999",
            "0.",
            "/",
            "e9",
            "^",
            "-",
            "\xE2\x88\x92",
            " million",
            "half ",
            "$",
            "%",
            ":30",
            "1e-999999999999999",
            "10e999999999999999",
            "^999999999999999",
            "340282366920938463463374607431768211457",
            "00000000000000000000000000000000000000",
            "is",
            "=",
            "\\text{",
            "\\",
            "<|",
            ",5",
            "\\boxed{1}, ",
            "<answer>",
            "</answer>",
            " hours ",
            "\xC2\xB2",
            "\n1. ",
            "is the answer",
            "isn't ",
            "no idea",
            "29/02/2023"};
}

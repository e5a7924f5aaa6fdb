// Answers from any bytes: no error of memory or arithmetic, positions inside the text, the same answer twice, keys that name themselves.
//
// The first byte of an input chooses the kind and how it is read, the second the number of options; the text follows.
#include "../answers.hpp"

#include "fuzz.hpp"

namespace {

const char* const OPTIONS[] = {"12 km", "the dog", "\xFF", "none of the above", "A", "1/2"};

lmsi::Reader make_reader(lmsi::Kind kind, unsigned options) {
    lmsi::Reader reader(kind);
    for (unsigned i = 0; i < options; ++i) reader.options().add(OPTIONS[i]);
    return reader;
}

// A key without its prefix is the answer written plainly, and must read as itself.
void names_itself(lmsi::Kind kind, const std::string& key) {
    if (kind != lmsi::Kind::number && kind != lmsi::Kind::yes_no && kind != lmsi::Kind::choice && kind != lmsi::Kind::nli) return;
    const std::string plain = key.substr(key.find(':') + 1);
    lmsi::Reader reader = make_reader(kind, 0);
    fuzz::check(reader.canonical(plain) == key, "a key that does not read as itself");
}

void check_answer(const std::string& text, lmsi::Kind kind, const lmsi::Answer& answer) {
    size_t characters = 0;
    for (const char byte : answer.surface) characters += (byte & 0xC0) != 0x80;
    fuzz::check(answer.start <= answer.end && answer.end <= text.size(), "a position outside the text");
    fuzz::check(characters == answer.end - answer.start, "a surface of another length than its positions say");
    fuzz::check(answer.key.empty() == (kind == lmsi::Kind::math), "an answer without a key");
    if (!answer.key.empty()) names_itself(kind, answer.key);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 2) return 0;
    const auto kind = static_cast<lmsi::Kind>(data[0] % 8);
    const bool fall_back = data[0] & 8, cut = data[0] & 16;
    const std::string text(reinterpret_cast<const char*>(data) + 2, size - 2);
    lmsi::Reader reader = make_reader(kind, data[1] % 7), again = make_reader(kind, data[1] % 7);
    const auto answer = reader.read(text, fall_back, cut);
    again.canonical(text);  // a reader that was used before reads alike
    const auto repeated = again.read(text, fall_back, cut);
    fuzz::check(answer.has_value() == repeated.has_value(), "two readings differ");
    if (!answer) return 0;
    fuzz::check(answer->key == repeated->key && answer->start == repeated->start && answer->end == repeated->end, "two readings differ");
    fuzz::check(fall_back || answer->rule != lmsi::Form::last, "a fall back that was not asked for");
    check_answer(text, kind, *answer);
    return 0;
}

std::vector<std::string> fuzz::seeds() {
    const std::vector<std::string> texts = {
        "She has 3 + 4 = 7 apples. The answer is 7.",
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
        "answer is \\left(\\sqrt{2}, 2\\pi\\right) \\cup [1e999999999, \\infty)",
    };
    std::vector<std::string> all;
    for (const std::string& text : texts)
        for (char mode = 0; mode < 32; mode = static_cast<char>(mode + 5)) all.push_back(std::string{mode, mode} + text);
    return all;
}

std::vector<std::string> fuzz::pieces() {
    using namespace std::string_literals;
    return {"The answer is ", "answer: ", "####", "\\boxed{", "\\frac{1}{", "{", "}", "**", "(A)", " or ", "not ", "\nQ:", "\n", "\0"s, "\xFF", "\xE2\x82",
            "\xF0\x9F\x98\x80", "\xEF\xBC\x97", "\xC2\xBD", "1", "9,999", "0.", "/", "e9", "^", "-", "\xE2\x88\x92", " million", "half ", "$", "%", ":30",
            "1e-999999999999999", "340282366920938463463374607431768211457", "00000000000000000000000000000000000000", "is", "=", "\\text{", "\\", "<|"};
}

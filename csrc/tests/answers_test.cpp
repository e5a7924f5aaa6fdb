// Tests of the answer kernel without Python: forms of answers, exact numbers, hostile bytes and linear time.
#include "../answers/answers.hpp"

#include <cstdio>
#include <ctime>
#include <random>

#include "../arrow/strings.hpp"
#include "check.hpp"

namespace {

std::string key(const std::string& text, lmsi::Kind kind = lmsi::Kind::number, bool fall_back = false, bool cut = false) {
    lmsi::Reader reader(kind);
    const auto answer = reader.read(text, fall_back, cut);
    return answer ? answer->key : "";
}

void parses_forms() {
    check(key("The answer is 45.\n\nQ: ... The answer is 99.") == "num:45", "an invented question");
    check(key("The answer is 5 x 3 = 15.") == "num:15", "an equation");
    check(key("#### $1,234.50") == "num:2469/2", "hashes");
    check(key("\\boxed{\\frac{3}{4}}") == "num:3/4", "a box");
    check(key("so 3 + 4 = 7") == "" && key("so 3 + 4 = 7", lmsi::Kind::number, true) == "num:7", "no trigger");
    check(key("The answer is 4", lmsi::Kind::number, false, true) == "", "a cut answer");
    check(key("The answer is (B).", lmsi::Kind::choice) == "choice:B", "a letter");
    check(key("The answer is a dog", lmsi::Kind::choice) == "", "an article");
    check(key("The answer is October 2, 2022.", lmsi::Kind::date) == "date:2022-10-02", "a date");
    check(key("The answer is 3,5 kg.") == "" && key("<answer>18</answer>") == "num:18", "a decimal comma, a tag");
    check(key("Answer:\n1. 5705") == "num:5705" && key("The answer is 5 feet 6 inches.") == "", "a list item, a compound quantity");
    check(key("Therefore, (B) is the correct answer.", lmsi::Kind::choice) == "choice:B", "a letter before its announcement");
    lmsi::Reader comma(lmsi::Kind::number, true);
    check(comma.canonical("1.234,5") == "num:2469/2", "a decimal comma, if numbers have them");
}

void counts_characters() {
    lmsi::Reader reader(lmsi::Kind::number);
    const auto answer = reader.read("\xE2\x82\xAC\xC3\xA9 The answer is \xE2\x88\x92\x37.", false, false);
    check(answer && answer->start == 17 && answer->end == 19 && answer->surface == "\xE2\x88\x92\x37" && answer->key == "num:-7",
          "characters");
}

void keeps_huge_numbers() {
    check(key("The answer is 1e999999999") == "num:1e999999999", "a huge exponent");
    check(key("The answer is 1e99999999999999999999999") == "", "an exponent beyond the limit");
    const std::string digits(1'000'000, '7');
    check(key("The answer is " + digits) == "num:" + digits + "e0", "a million digits");
}

const char* const PIECES[] = {"The answer is ",
                              "\\boxed{",
                              "####",
                              "Answer: 1 = 1. ",
                              "9",
                              "1/",
                              "\\frac{",
                              "**1**",
                              "no ",
                              "(A) or ",
                              "a, ",
                              "\n",
                              "\nQ:",
                              "\xFF",
                              "\xE2\x82",
                              "\xF0\x9F\x98\x80",
                              "one hundred ",
                              "- ",
                              "$",
                              ".",
                              ",000",
                              "e9",
                              "^{",
                              "}",
                              "is",
                              "\xC2\xBD",
                              "October 2, ",
                              "<|",
                              "\\boxed{1}, ",
                              "<answer>",
                              "1. 2 ",
                              "2 hours ",
                              "1 hour, 2 minutes, ",
                              "not ",
                              "is the answer ",
                              "10\xE2\x81\xB6 "};

void survives_random_bytes() {
    std::mt19937 random(7);
    for (int round = 0; round < 3'000; ++round) {
        std::string text;
        for (unsigned n = random() % 24; n > 0; --n) {
            if (random() % 4 == 0) text += static_cast<char>(random());
            else text += PIECES[random() % std::size(PIECES)];
        }
        for (int kind = 0; kind < 8; ++kind) {
            lmsi::Reader reader(static_cast<lmsi::Kind>(kind));
            for (const char* option : {"1", "the dog", "\xFF"}) reader.options().add(option);
            reader.read(text, random() % 2, random() % 2);
            reader.canonical(text);
        }
    }
}

double seconds(const std::string& text, lmsi::Kind kind) {
    const std::clock_t start = std::clock();  // CPU time, so that other work on the machine does not count
    key(text + "\nthe end", kind, true);
    return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

std::string repeated(const std::string& piece, size_t size) {
    std::string text;
    while (text.size() < size) text += piece;
    return text;
}

void parsing_takes_linear_time() {
    // A text of four times the length may take eight times as long plus 50 ms; quadratic code takes sixteen times as long.
    for (const char* piece : PIECES)
        for (int kind = 0; kind < 7; ++kind) {
            const double small = seconds(repeated(piece, 50'000), static_cast<lmsi::Kind>(kind));
            const double large = seconds(repeated(piece, 200'000), static_cast<lmsi::Kind>(kind));
            if (large > 8 * small + 0.05) std::fprintf(stderr, "'%s' kind %d: %.4f s, then %.4f s\n", piece, kind, small, large);
            check(large <= 8 * small + 0.05, "linear time");
        }
}

void reads_arrow_arrays() {
    const int32_t offsets[] = {0, 1, 1, 4};
    const uint8_t validity[] = {0b101};
    const void* buffers[] = {validity, offsets, "abcd"};
    const ArrowArray array{2, -1, 1, 3, 0, buffers, nullptr, nullptr, nullptr, nullptr};
    const lmsi::StringArray strings(lmsi::StringLayout::offsets32, array);
    check(strings.size() == 2 && strings[0].data() == nullptr && strings[1] == "bcd", "a sliced Arrow array");
}

}  // namespace

int main() {
    parses_forms();
    counts_characters();
    keeps_huge_numbers();
    survives_random_bytes();
    parsing_takes_linear_time();
    reads_arrow_arrays();
}

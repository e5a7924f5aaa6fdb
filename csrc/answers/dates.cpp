// Dates and times of day: date:2022-10-02, date:2022-10, date:2022, date:--10-02 (no year), time:14:00.
//
// With slashes the month is first unless that is impossible; two-digit years are not dates. A date that does not exist
// (29 February 2023) has no key, and neither does any part of it.
#include <algorithm>
#include <cstdio>

#include "readers.hpp"

namespace lmsi {
namespace {

constexpr View MONTHS[] = {"january", "february", "march",     "april",   "may",      "june",
                           "july",    "august",   "september", "october", "november", "december"};
constexpr View DAYS[] = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "mon", "tue",
                         "tues",   "wed",     "thu",       "thur",     "thurs",  "fri",      "sat",    "sun"};
constexpr unsigned LENGTHS[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
constexpr unsigned NO_YEAR = ~0u;

struct Part {
    size_t end;
    unsigned number;
};
using MaybePart = std::optional<Part>;

struct Date {
    size_t end;
    std::string key;  // empty if the date does not exist
};
using MaybeDate = std::optional<Date>;

std::string format(const char* pattern, unsigned a, unsigned b = 0, unsigned c = 0) {
    char text[64];
    std::snprintf(text, sizeof text, pattern, a, b, c);
    return text;
}

bool leap(unsigned year) { return year == NO_YEAR || (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)); }

// The key of a date, or an empty string if the date does not exist; day 0 means that the day is not given.
std::string date_key(unsigned year, unsigned month, unsigned day) {
    if (month < 1 || month > 12 || year == 0) return {};
    if (day > LENGTHS[month - 1] - (month == 2 && !leap(year))) return {};
    if (year == NO_YEAR) return day > 0 ? format("date:--%02u-%02u", month, day) : std::string();
    return day > 0 ? format("date:%04u-%02u-%02u", year, month, day) : format("date:%04u-%02u", year, month);
}

MaybePart number(View s, size_t i, size_t end, size_t most) {
    const size_t j = digit_run(s, i, std::min(end, i + most + 1));
    if (j <= i || j - i > most) return std::nullopt;
    unsigned value = 0;
    for (size_t k = i; k < j; ++k) value = value * 10 + static_cast<unsigned>(s[k] - '0');
    return Part{j, value};
}

MaybePart month(View s, size_t i, size_t end) {
    const Word word = word_at(s, i, std::min(end, i + 10));
    const size_t j = word_end(s, i, end);
    for (unsigned m = 0; m < 12; ++m) {
        if (!(word == MONTHS[m]) && !(word == MONTHS[m].substr(0, 3)) && !(m == 8 && word == "sept")) continue;
        return Part{j + (at(s, j, end) == '.' && j - i <= 4), m + 1};
    }
    return std::nullopt;
}

// A day of the month: 2 or 2nd.
MaybePart day(View s, size_t i, size_t end) {
    const auto found = number(s, i, end, 2);
    if (!found || found->number == 0) return std::nullopt;
    const Word suffix = word_at(s, found->end, std::min(end, found->end + 3));
    if (!suffix.empty() && !(suffix == "st") && !(suffix == "nd") && !(suffix == "rd") && !(suffix == "th")) return std::nullopt;
    return Part{word_end(s, found->end, end), found->number};
}

// A year of three or four digits, possibly after a comma or "of".
MaybePart year(View s, size_t i, size_t end) {
    i = skip_spaces(s, i, end);
    i += at(s, i, end) == ',';
    i = skip_spaces(s, i, end);
    if (word_at(s, i, end) == "of") i = skip_spaces(s, i + 2, end);
    const auto found = number(s, i, end, 4);
    if (!found || found->end - i < 3 || letter(at(s, found->end, end)) || at(s, found->end, end) == ':') return std::nullopt;
    return found;
}

// A date with the month first: October 2, 2022; October 2; October 2022.
MaybeDate month_first(View s, size_t i, size_t end) {
    const auto m = month(s, i, end);
    if (!m) return std::nullopt;
    const auto d = day(s, skip_spaces(s, m->end, end), end);
    const auto y = year(s, d ? d->end : m->end, end);
    if (!d && !y) return std::nullopt;
    return Date{y ? y->end : d->end, date_key(y ? y->number : NO_YEAR, m->number, d ? d->number : 0)};
}

// A date with the day first: 2 October 2022; the 2nd of October.
MaybeDate day_first(View s, size_t i, size_t end) {
    const auto d = day(s, i, end);
    if (!d) return std::nullopt;
    size_t j = skip_spaces(s, d->end, end);
    if (word_at(s, j, end) == "of") j = skip_spaces(s, j + 2, end);
    const auto m = j > d->end ? month(s, j, end) : std::nullopt;
    if (!m) return std::nullopt;
    const auto y = year(s, m->end, end);
    return Date{y ? y->end : m->end, date_key(y ? y->number : NO_YEAR, m->number, d->number)};
}

// A date in digits: 2022-10-02, 2022/10/02, 10/02/2022, 2.10.2022.
MaybeDate numeric(View s, size_t i, size_t end) {
    const auto first = number(s, i, end, 4);
    const char mark = first ? at(s, first->end, end) : '\0';
    const auto second = mark == '-' || mark == '/' || mark == '.' ? number(s, first->end + 1, end, 2) : std::nullopt;
    const auto third = second && at(s, second->end, end) == mark ? number(s, second->end + 1, end, 4) : std::nullopt;
    if (!third || digit(at(s, third->end, end))) return std::nullopt;
    if (first->end - i == 4)
        return Date{third->end, third->number > 0 ? date_key(first->number, second->number, third->number) : std::string()};
    if (third->end - second->end != 5 || first->end - i > 2 || first->number == 0 || second->number == 0) return std::nullopt;
    const bool day_comes_first = mark == '.' || first->number > 12;
    const unsigned m = day_comes_first ? second->number : first->number, d = day_comes_first ? first->number : second->number;
    return Date{third->end, date_key(third->number, m, d)};
}

struct Half {
    enum { none, am, pm, oclock } which;
    size_t end;
};

// am, pm, a.m., p.m. or o'clock at i.
Half half_of_day(View s, size_t i, size_t end) {
    for (View spelling : {View("a.m."), View("p.m."), View("a.m"), View("p.m"), View("am"), View("pm"), View("o'clock")}) {
        const size_t j = i + spelling.size();
        if (j > end || letter(at(s, j, end))) continue;
        bool same = true;
        for (size_t k = 0; k < spelling.size(); ++k) same &= lower(s[i + k]) == spelling[k];
        if (same) return {spelling[0] == 'a' ? Half::am : spelling[0] == 'p' ? Half::pm : Half::oclock, j};
    }
    return {Half::none, i};
}

}  // namespace

Reading date_at(View s, size_t i, size_t end) {
    const size_t start = i;
    if (one_of(word_at(s, i, std::min(end, i + 10)), DAYS)) {
        i = word_end(s, i, end);
        i += at(s, i, end) == ',' || at(s, i, end) == '.';
        i = skip_spaces(s, i, end);
        if (word_at(s, i, std::min(end, i + 4)) == "the") i = skip_spaces(s, i + 3, end);
    }
    MaybeDate found = month_first(s, i, end);
    if (!found) found = numeric(s, i, end);
    if (!found) found = day_first(s, i, end);
    if (!found) return std::nullopt;
    return Found{start, found->end, std::move(found->key)};
}

Reading date_value(View s, size_t a, size_t b) {
    Reading lone_year;
    int numbers = 0;
    for (size_t i = a; i < b;) {
        if (!letter(s[i]) && !digit(s[i])) {
            ++i;
            continue;
        }
        if (Reading found = date_at(s, i, b)) return found->key.empty() ? std::nullopt : found;
        const size_t j = digit(s[i]) ? digit_run(s, i, b) : word_end(s, i, b);
        if (!lone_year && j - i == 4 && digit(s[i]) && !letter(at(s, j, b)) && s[i] != '0')
            lone_year = Found{i, j, "date:" + std::string(s.substr(i, 4))};
        numbers += digit(s[i]);
        i = j;
    }
    return numbers == 1 ? lone_year : std::nullopt;
}

Reading time_at(View s, size_t i, size_t end) {
    const auto hour = number(s, i, end, 2);
    if (!hour) return std::nullopt;
    size_t j = hour->end;
    unsigned minute = 0;
    if (at(s, j, end) == ':') {
        const auto part = number(s, j + 1, end, 2);
        if (!part || part->end - j != 3 || part->number > 59 || at(s, part->end, end) == ':') return std::nullopt;
        j = part->end;
        minute = part->number;
    }
    const Half half = half_of_day(s, skip_spaces(s, j, end), end);
    const bool named = half.which != Half::none;
    if (hour->number > (named ? 12 : 23) || (!named && j == hour->end) || (named && hour->number == 0)) return std::nullopt;
    const bool whole_day = !named || half.which == Half::oclock;
    const unsigned at_hour = whole_day ? hour->number : hour->number % 12 + (half.which == Half::pm ? 12 : 0);
    return Found{i, named ? half.end : j, format("time:%02u:%02u", at_hour, minute)};
}

}  // namespace lmsi

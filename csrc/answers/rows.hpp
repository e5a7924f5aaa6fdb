// Answers of whole columns of texts, on several threads.
#pragma once

#include "../arrow/columns.hpp"
#include "answers.hpp"

namespace lmsi {

using Rows = std::vector<std::string_view>;  // data() is null where the row is

// The options of each row: texts laid end to end, and where each row's begin. No offsets: no row has options.
struct RowOptions {
    Rows texts;
    std::vector<int64_t> begins;  // one more than rows, in order

    void put(size_t row, Options& options) const;
};

// Columns key, surface, start, end (in characters) and rule, null where a text has no answer; a chunk per thread. A text
// whose `finish` is "length" was cut off; no finishes: none was. `comma`: numbers have decimal commas.
std::vector<Columns> read_rows(const Rows& texts, Kind kind, bool comma, const RowOptions& options, bool fall_back, const Rows& finish,
                               int threads);
// A column of keys of gold or already extracted answers, null where there is none; a chunk per thread.
std::vector<Columns> canonical_rows(const Rows& answers, Kind kind, bool comma, const RowOptions& options, int threads);

}  // namespace lmsi

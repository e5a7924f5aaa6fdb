// Parses whole columns of texts on several threads.
#pragma once

#include "../arrow/columns.hpp"
#include "answers.hpp"

namespace lmsi {

using Rows = std::vector<std::string_view>;  // data() is null for a null row

// The options of all rows: their texts one after another, and for each row the index of its first text. If `begins` is
// empty, no row has options.
struct RowOptions {
    Rows texts;
    std::vector<int64_t> begins;  // one entry more than there are rows, in ascending order

    void put(size_t row, Options& options) const;
};

// Returns the columns key, surface, start, end (in characters) and rule, all null for a text without an answer, as one
// chunk per thread. A text whose `finish` is "length" was cut off; if `finish` is empty, no text was cut off. `comma`:
// numbers have decimal commas.
std::vector<Columns> read_rows(const Rows& texts, Kind kind, bool comma, const RowOptions& options, bool fall_back, const Rows& finish,
                               int threads);
// Returns a column with the keys of gold or already extracted answers, null for an unparsable answer, as one chunk per
// thread.
std::vector<Columns> canonical_rows(const Rows& answers, Kind kind, bool comma, const RowOptions& options, int threads);

}  // namespace lmsi

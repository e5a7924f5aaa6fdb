// Parses whole columns of texts on several threads.
#pragma once

#include "../arrow/columns.hpp"
#include "answers.hpp"

namespace lmsi {

using Rows = std::vector<std::string_view>;  // data() is null for a null row

// The options of each row: concatenated texts, and the offset of each row. Without offsets, no row has options.
struct RowOptions {
    Rows texts;
    std::vector<int64_t> begins;  // one more than there are rows, in order

    void put(size_t row, Options& options) const;
};

// Columns key, surface, start, end (in characters) and rule, null if a text has no answer; one chunk per thread. A text
// whose `finish` is "length" was cut off; if `finish` is empty, no text was. `comma`: numbers have decimal commas.
std::vector<Columns> read_rows(const Rows& texts, Kind kind, bool comma, const RowOptions& options, bool fall_back, const Rows& finish,
                               int threads);
// A column with the keys of gold or already extracted answers, null if unparsable; one chunk per thread.
std::vector<Columns> canonical_rows(const Rows& answers, Kind kind, bool comma, const RowOptions& options, int threads);

}  // namespace lmsi

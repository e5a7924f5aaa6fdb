// Python bindings of answers: they check arguments, release the GIL, and parse rows on the requested number of threads.
#include <pybind11/numpy.h>

#include "../answers/rows.hpp"
#include "arrow_strings.hpp"
#include "bindings.hpp"

namespace py = pybind11;

namespace {

using lmsi::ArrowStrings;
using lmsi::Rows;

lmsi::Kind kind_of(const std::string& name) {
    const auto kind = lmsi::kind_named(name);
    if (!kind) throw py::value_error("unknown answer kind '" + name + "'");
    return *kind;
}

// A column that may be None, and its rows; there are no rows if it is None.
struct Optional {
    Optional(const py::object& column, const char* argument) {
        if (column.is_none()) return;
        strings = std::make_unique<ArrowStrings>(column, argument);
        rows = strings->views();
    }

    std::unique_ptr<ArrowStrings> strings;
    Rows rows;
};

lmsi::RowOptions options_of(const Optional& choices, const py::object& begins, size_t rows) {
    if (!choices.strings) return {};
    const auto starts = py::array_t<int64_t, py::array::c_style | py::array::forcecast>::ensure(begins);
    if (!starts || static_cast<size_t>(starts.size()) != rows + 1) throw py::value_error("choices: one offset more than rows is needed");
    lmsi::RowOptions options{choices.rows, {starts.data(), starts.data() + starts.size()}};
    for (size_t i = 0; i < rows; ++i)
        if (options.begins[i] < 0 || options.begins[i] > options.begins[i + 1] ||
            options.begins[i + 1] > static_cast<int64_t>(choices.rows.size()))
            throw py::value_error("choices: offsets out of order at row " + std::to_string(i));
    return options;
}

lmsi::Table read_answers(const py::object& texts, const std::string& kind_name, const py::object& choices, const py::object& begins,
                         bool fall_back, const py::object& finish, int threads, bool comma) {
    const lmsi::Kind kind = kind_of(kind_name);
    const ArrowStrings column(texts, "texts");
    const Rows rows = column.views();
    const Optional listed(choices, "choices"), finished(finish, "finish");
    const lmsi::RowOptions options = options_of(listed, begins, rows.size());
    if (finished.strings && finished.rows.size() != rows.size()) throw py::value_error("finish must have one entry per text");
    const py::gil_scoped_release unlocked;
    return {lmsi::read_rows(rows, kind, comma, options, fall_back, finished.rows, threads), false};
}

lmsi::Table canonical_keys(const py::object& answers, const std::string& kind_name, const py::object& choices, const py::object& begins,
                           int threads, bool comma) {
    const lmsi::Kind kind = kind_of(kind_name);
    const ArrowStrings column(answers, "answers");
    const Rows rows = column.views();
    const Optional listed(choices, "choices");
    const lmsi::RowOptions options = options_of(listed, begins, rows.size());
    const py::gil_scoped_release unlocked;
    return {lmsi::canonical_rows(rows, kind, comma, options, threads), true};
}

}  // namespace

void bind_answers(py::module_& m) {
    m.def("read_answers", &read_answers, py::arg("texts"), py::arg("kind"), py::arg("choices"), py::arg("begins"), py::arg("fall_back"),
          py::arg("finish"), py::arg("threads"), py::arg("comma"));
    m.def("canonical_keys", &canonical_keys, py::arg("answers"), py::arg("kind"), py::arg("choices"), py::arg("begins"), py::arg("threads"),
          py::arg("comma"));
}

// Answers for Python: checks arguments, releases the GIL, reads rows on the asked number of threads.
#include "../answers/answers.hpp"

#include <pybind11/numpy.h>

#include <algorithm>
#include <future>

#include "arrow_export.hpp"
#include "arrow_import.hpp"
#include "bindings.hpp"

namespace py = pybind11;

namespace {

using lmsi::ArrowStrings;
using lmsi::Column;
using lmsi::Columns;
using Views = std::vector<std::string_view>;

// The options of every row: texts laid end to end, and where each row's begin. A row that begins and ends at -1 has none.
class Choices {
public:
    Choices(const py::object& texts, const py::object& begins, size_t rows) {
        if (texts.is_none()) return;
        strings_ = std::make_unique<ArrowStrings>(texts, "choices");
        views_ = strings_->views();
        const auto starts = py::array_t<int64_t, py::array::c_style | py::array::forcecast>::ensure(begins);
        if (!starts || static_cast<size_t>(starts.size()) != rows + 1) throw py::value_error("choices: one offset per row and one more");
        begins_.assign(starts.data(), starts.data() + starts.size());
        for (size_t i = 0; i < rows; ++i)
            if (begins_[i] < 0 || begins_[i] > begins_[i + 1] || begins_[i + 1] > static_cast<int64_t>(views_.size()))
                throw py::value_error("choices: offsets out of order at row " + std::to_string(i));
    }

    void put(size_t row, lmsi::Options& options) const {
        if (begins_.empty() || begins_[row] == begins_[row + 1]) return options.none();
        options.begin();
        for (int64_t i = begins_[row]; i < begins_[row + 1]; ++i) options.add(views_[static_cast<size_t>(i)]);
    }

private:
    std::unique_ptr<ArrowStrings> strings_;
    Views views_;
    std::vector<int64_t> begins_;
};

lmsi::Kind kind_of(const std::string& name) {
    const auto kind = lmsi::kind_named(name);
    if (!kind) throw py::value_error("unknown answer kind '" + name + "'");
    return *kind;
}

// One chunk of results per thread: chunk(begin, end) works on its own rows and its own buffers.
template <class Chunk> std::vector<Columns> on_threads(size_t rows, int threads, const Chunk& chunk) {
    const size_t parts = std::clamp<size_t>(static_cast<size_t>(std::max(threads, 1)), 1, std::max<size_t>(rows, 1));
    std::vector<std::future<Columns>> later;
    for (size_t i = 1; i < parts; ++i)
        later.push_back(std::async(std::launch::async, chunk, rows * i / parts, rows * (i + 1) / parts));
    std::vector<Columns> chunks{chunk(0, rows / parts)};
    for (auto& part : later) chunks.push_back(part.get());
    return chunks;
}

Columns answer_columns() {
    const auto column = [](const char* name, const char* format) { return std::make_shared<Column>(name, format); };
    return {column("key", "U"), column("surface", "U"), column("start", "i"), column("end", "i"), column("rule", "U")};
}

void append(const std::optional<lmsi::Answer>& answer, Columns& to) {
    if (!answer) {
        for (auto& column : to) column->append_null();
        return;
    }
    if (answer->key.empty()) to[0]->append_null();
    else to[0]->append(answer->key);
    to[1]->append(answer->surface);
    to[2]->append(static_cast<int32_t>(answer->start));
    to[3]->append(static_cast<int32_t>(answer->end));
    to[4]->append(lmsi::rule_name(answer->rule));
}

lmsi::Table read_answers(const py::object& texts, const std::string& kind_name, const py::object& choices, const py::object& begins,
                         bool fall_back, const py::object& finish, int threads) {
    const lmsi::Kind kind = kind_of(kind_name);
    const ArrowStrings column(texts, "texts");
    const Views rows = column.views();
    const Choices options(choices, begins, rows.size());
    const auto ends = finish.is_none() ? nullptr : std::make_unique<ArrowStrings>(finish, "finish");
    const Views finished = ends ? ends->views() : Views();
    if (ends && finished.size() != rows.size()) throw py::value_error("finish: one entry per text");
    py::gil_scoped_release released;
    return {on_threads(rows.size(), threads, [&](size_t begin, size_t end) {
        lmsi::Reader reader(kind);
        Columns found = answer_columns();
        for (size_t row = begin; row < end; ++row) {
            options.put(row, reader.options());
            const bool cut = !finished.empty() && finished[row] == "length";
            append(rows[row].data() == nullptr ? std::nullopt : reader.read(rows[row], fall_back, cut), found);
        }
        return found;
    }), false};
}

lmsi::Table canonical_keys(const py::object& answers, const std::string& kind_name, const py::object& choices, const py::object& begins, int threads) {
    const lmsi::Kind kind = kind_of(kind_name);
    const ArrowStrings column(answers, "answers");
    const Views rows = column.views();
    const Choices options(choices, begins, rows.size());
    py::gil_scoped_release released;
    return {on_threads(rows.size(), threads, [&](size_t begin, size_t end) {
        lmsi::Reader reader(kind);
        Columns keys{std::make_shared<Column>("key", "U")};
        for (size_t row = begin; row < end; ++row) {
            options.put(row, reader.options());
            const std::string key = rows[row].data() == nullptr ? std::string() : reader.canonical(rows[row]);
            if (key.empty()) keys[0]->append_null();
            else keys[0]->append(key);
        }
        return keys;
    }), true};
}

}  // namespace

void bind_answers(py::module_& m) {
    py::class_<lmsi::Table>(m, "ArrowTable").def("__arrow_c_stream__", &lmsi::Table::stream, py::arg("requested_schema") = py::none());
    m.def("read_answers", &read_answers, py::arg("texts"), py::arg("kind"), py::arg("choices"), py::arg("begins"), py::arg("fall_back"),
          py::arg("finish"), py::arg("threads"));
    m.def("canonical_keys", &canonical_keys, py::arg("answers"), py::arg("kind"), py::arg("choices"), py::arg("begins"), py::arg("threads"));
}

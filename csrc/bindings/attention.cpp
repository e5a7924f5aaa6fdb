#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <stdexcept>
#include <string>

#include "../attention.hpp"
#include "bindings.hpp"

namespace py = pybind11;

namespace {

lmsi::NumberFormat format_of(const py::array& array) {
    if (array.dtype().is(py::dtype::of<uint16_t>())) return lmsi::NumberFormat::bfloat16;
    if (array.dtype().is(py::dtype::of<float>())) return lmsi::NumberFormat::float32;
    throw std::invalid_argument("numbers must be float32, or bfloat16 as uint16");
}

void need(bool held, const char* what) {
    if (!held) throw std::invalid_argument(what);
}

bool dense(const py::array& array) { return (array.flags() & py::array::c_style) != 0; }

lmsi::Prefixes prefixes(const py::array& keys, const py::array& values, std::vector<size_t> lengths) {
    need(keys.ndim() == 4 && values.ndim() == 4 && dense(keys) && dense(values), "keys and values must be [N, heads, L, width]");
    need(format_of(keys) == format_of(values), "keys and values must have one format");
    for (int i = 0; i < 4; ++i) need(keys.shape(i) == values.shape(i), "keys and values must have one shape");
    need(lengths.size() == static_cast<size_t>(keys.shape(0)), "each prefix must have a length");
    need(static_cast<size_t>(keys.shape(3)) <= lmsi::kMaxWidth, "heads must be at most 256 wide");
    for (const size_t length : lengths) need(length <= static_cast<size_t>(keys.shape(2)), "a length exceeds the keys");
    return {keys.data(), values.data(), format_of(keys), static_cast<size_t>(keys.shape(1)),
            static_cast<size_t>(keys.shape(2)), static_cast<size_t>(keys.shape(3)), std::move(lengths)};
}

using Paths = py::array_t<int64_t, py::array::c_style>;

void check_paths(const Paths& paths, py::ssize_t rows, size_t questions, py::ssize_t slots, py::ssize_t capacity) {
    need(paths.ndim() == 2 && paths.shape(0) == rows && paths.shape(1) == 3, "paths must be [rows, 3]");
    const auto at = paths.unchecked<2>();
    for (py::ssize_t row = 0; row < rows; ++row) {
        need(at(row, 0) >= 0 && at(row, 0) < static_cast<int64_t>(questions), "a path continues a question that is not there");
        need(at(row, 1) >= 0 && at(row, 1) < slots, "a path has a slot that is not there");
        need(at(row, 2) >= 0 && at(row, 2) < capacity, "a path is longer than its slot");
    }
}

void attend(const lmsi::Prefixes& shared, const lmsi::Prefixes& questions, const py::array& query, const py::array& key,
            const py::array& value, py::array own_keys, py::array own_values, const Paths& paths, float scale, py::array output) {
    need(query.ndim() == 3 && key.ndim() == 3 && value.ndim() == 3 && output.ndim() == 3 && dense(query) && dense(key) &&
             dense(value) && dense(output), "query, key, value and output must be [rows, heads, width]");
    need(own_keys.ndim() == 4 && own_values.ndim() == 4 && dense(own_keys) && dense(own_values),
         "own keys and values must be [slots, heads, capacity, width]");
    const lmsi::NumberFormat format = format_of(query);
    for (const py::array& other : {key, value, own_keys, own_values, output})
        need(format_of(other) == format, "all numbers must have one format");
    const auto heads = static_cast<py::ssize_t>(shared.heads()), width = static_cast<py::ssize_t>(shared.width());
    const py::ssize_t rows = query.shape(0), padded = (width + 15) / 16 * 16;
    need(shared.count() == 1 && questions.heads() == shared.heads() && questions.width() == shared.width(),
         "there must be one shared prefix, of the questions' heads and width");
    need(query.shape(1) > 0 && query.shape(1) % heads == 0 && query.shape(2) == width, "query must be [rows, groups * heads, width]");
    for (int i = 0; i < 3; ++i) {
        need(output.shape(i) == query.shape(i), "output must have the query's shape");
        const py::ssize_t wanted[] = {rows, heads, width};
        need(key.shape(i) == wanted[i] && value.shape(i) == wanted[i], "key and value must be [rows, heads, width]");
    }
    for (const py::array& own : {own_keys, own_values})
        need(own.shape(0) == own_keys.shape(0) && own.shape(1) == heads && own.shape(2) == own_keys.shape(2) &&
                 own.shape(3) == padded, "own keys and values must be [slots, heads, capacity, width rounded up to 16]");
    check_paths(paths, rows, questions.count(), own_keys.shape(0), own_keys.shape(2));
    static_assert(sizeof(lmsi::Path) == 3 * sizeof(int64_t));
    const lmsi::Step step{format, static_cast<size_t>(rows), static_cast<size_t>(query.shape(1) / heads), query.data(),
                          key.data(), value.data(), own_keys.mutable_data(), own_values.mutable_data(),
                          static_cast<size_t>(own_keys.shape(2)), reinterpret_cast<const lmsi::Path*>(paths.data()), scale};
    const lmsi::Isa isa = chosen_isa();
    void* to = output.mutable_data();
    const py::gil_scoped_release unlocked;
    lmsi::attend(shared, questions, step, isa, to);
}

}  // namespace

void bind_attention(py::module_& m) {
    py::class_<lmsi::Prefixes>(m, "Prefixes")
        .def(py::init(&prefixes), py::arg("keys"), py::arg("values"), py::arg("lengths"));
    m.def("attend", &attend, py::arg("shared"), py::arg("questions"), py::arg("query"), py::arg("key"), py::arg("value"),
          py::arg("own_keys"), py::arg("own_values"), py::arg("paths"), py::arg("scale"), py::arg("output"));
}

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <cmath>
#include <stdexcept>
#include <string>

#include "tensors.hpp"

namespace py = pybind11;

namespace {

void need_width(size_t heads, size_t width) {
    need(heads > 0 && width > 0, "there must be a head, and it must have a width");
    need(width <= lmsi::kMaxWidth, ("the width of a head must be at most " + std::to_string(lmsi::kMaxWidth)).c_str());
}

lmsi::Prefixes empty_prefixes(std::vector<size_t> room, size_t heads, size_t width, bool bfloat16) {
    constexpr size_t kMostHeads = size_t{1} << 16, kMostKeys = size_t{1} << 36;  // their product with the width fits into 64 bits
    need_width(heads, width);
    size_t total = 0;
    for (const size_t keys : room) {
        need(heads <= kMostHeads && keys <= kMostKeys && total <= kMostKeys, "the room is larger than any memory");
        total += lmsi::whole_lanes(keys);
    }
    return {bfloat16 ? lmsi::NumberFormat::bfloat16 : lmsi::NumberFormat::float32, heads, width, std::move(room)};
}

void append(lmsi::Prefixes& prefixes, const py::array& keys, const py::array& values, const std::vector<size_t>& counts) {
    need(counts.size() == prefixes.count(), "each prefix must have a count");
    for (const py::array& array : {keys, values}) {
        need(array.ndim() == 4 && dense(array) && format_of(array) == prefixes.format(), "keys and values must have the prefixes' format");
        need(static_cast<size_t>(array.shape(0)) == counts.size() && static_cast<size_t>(array.shape(1)) == prefixes.heads() &&
                 array.shape(2) == keys.shape(2) && array.shape(3) == keys.shape(3) &&
                 static_cast<size_t>(array.shape(3)) >= prefixes.width(),
             "keys and values must be [N, heads, L, at least width]");
    }
    const auto capacity = static_cast<size_t>(keys.shape(2));
    for (size_t i = 0; i < counts.size(); ++i)
        need(counts[i] <= capacity && counts[i] <= prefixes.room()[i] - prefixes.lengths()[i], "a count exceeds the keys or the room");
    prefixes.append(keys.data(), values.data(), capacity, static_cast<size_t>(keys.shape(3)), counts);
}

lmsi::Prefixes prefixes(const py::array& keys, const py::array& values, const std::vector<size_t>& lengths) {
    need(keys.ndim() == 4 && values.ndim() == 4 && dense(keys) && dense(values), "keys and values must be [N, heads, L, width]");
    need(format_of(keys) == format_of(values), "keys and values must have the same format");
    for (int i = 0; i < 4; ++i) need(keys.shape(i) == values.shape(i), "keys and values must have the same shape");
    need_width(static_cast<size_t>(keys.shape(1)), static_cast<size_t>(keys.shape(3)));
    need(lengths.size() == static_cast<size_t>(keys.shape(0)), "each prefix must have a length");
    for (const size_t length : lengths) need(length <= static_cast<size_t>(keys.shape(2)), "a length exceeds the keys");
    return {keys.data(),
            values.data(),
            format_of(keys),
            static_cast<size_t>(keys.shape(1)),
            static_cast<size_t>(keys.shape(2)),
            static_cast<size_t>(keys.shape(3)),
            lengths};
}

}  // namespace

lmsi::Step step_of(const lmsi::Prefixes& shared, const lmsi::Prefixes& questions, py::array& own_keys, py::array& own_values,
                   const Paths& paths, size_t query_heads, float scale) {
    need(std::isfinite(scale), "the scale must be finite");
    const py::ssize_t slots = own_keys.shape(0), capacity = own_keys.shape(2);
    need(shared.count() == 1 && questions.heads() == shared.heads() && questions.width() == shared.width() &&
             questions.format() == shared.format(),
         "there must be one shared prefix, with the same heads, width and format as the questions");
    for (const py::array& own : {own_keys, own_values}) {
        need(own.ndim() == 4 && dense(own) && format_of(own) == shared.format(), "own keys and values must have the prefixes' format");
        const py::ssize_t wanted[] = {slots, static_cast<py::ssize_t>(shared.heads()), capacity,
                                      static_cast<py::ssize_t>(lmsi::whole_lanes(shared.width()))};
        for (int i = 0; i < 4; ++i)
            need(own.shape(i) == wanted[i], "own keys and values must be [slots, heads, capacity, width rounded up to 16]");
    }
    need(query_heads > 0 && query_heads % shared.heads() == 0, "the number of query heads must be a multiple of the number of key heads");
    need(paths.ndim() == 2 && paths.shape(1) == 3, "paths must be [rows, 3]");
    const auto at = paths.unchecked<2>();
    for (py::ssize_t row = 0; row < paths.shape(0); ++row) {
        need(at(row, 0) >= 0 && at(row, 0) < static_cast<int64_t>(questions.count()), "the question of a path does not exist");
        need(at(row, 1) >= 0 && at(row, 1) < slots, "the slot of a path does not exist");
        need(at(row, 2) >= 0 && at(row, 2) < capacity, "a path is longer than its slot");
    }
    static_assert(sizeof(lmsi::Path) == 3 * sizeof(int64_t));
    return {shared.format(),
            static_cast<size_t>(paths.shape(0)),
            query_heads / shared.heads(),
            nullptr,
            own_keys.mutable_data(),
            own_values.mutable_data(),
            static_cast<size_t>(capacity),
            reinterpret_cast<const lmsi::Path*>(paths.data()),
            scale};
}

namespace {

void attend(const lmsi::Prefixes& shared, const lmsi::Prefixes& questions, const Floats& tokens, py::array own_keys, py::array own_values,
            const Paths& paths, float scale, Floats output) {
    const auto heads = static_cast<py::ssize_t>(shared.heads()), width = static_cast<py::ssize_t>(shared.width());
    need(tokens.ndim() == 3 && tokens.shape(0) == paths.shape(0) && tokens.shape(1) > 2 * heads && tokens.shape(2) == width,
         "tokens must be [rows, query + key + value heads, width]");
    const py::ssize_t queries = tokens.shape(1) - 2 * heads;
    need(output.ndim() == 3 && output.shape(0) == tokens.shape(0) && output.shape(1) == queries && output.shape(2) == width,
         "output must be [rows, queries, width]");
    lmsi::Step step = step_of(shared, questions, own_keys, own_values, paths, static_cast<size_t>(queries), scale);
    step.tokens = tokens.data();
    const lmsi::Isa isa = chosen_isa();
    float* to = output.mutable_data();
    const py::gil_scoped_release unlocked;
    lmsi::attend(shared, questions, step, isa, to);
}

}  // namespace

void bind_attention(py::module_& m) {
    py::class_<lmsi::Prefixes>(m, "Prefixes")
        .def(py::init(&prefixes), py::arg("keys"), py::arg("values"), py::arg("lengths"))
        .def(py::init(&empty_prefixes), py::arg("room"), py::arg("heads"), py::arg("width"), py::arg("bfloat16"))
        .def("append", &append, py::arg("keys"), py::arg("values"), py::arg("counts"))
        .def_property_readonly("lengths", &lmsi::Prefixes::lengths);
    m.def("attend", &attend, py::arg("shared"), py::arg("questions"), py::arg("tokens"), py::arg("own_keys"), py::arg("own_values"),
          py::arg("paths"), py::arg("scale"), py::arg("output").noconvert());
}

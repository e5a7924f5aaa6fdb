#include <cmath>

#include "../attention/forest.hpp"
#include "tensors.hpp"

namespace py = pybind11;

namespace {

using Halves = py::array_t<uint16_t, py::array::c_style>;  // bfloat16
using Segments = py::array_t<int64_t, py::array::c_style>;

void need_shape(const py::array& array, std::initializer_list<py::ssize_t> wanted, const char* what) {
    need(std::equal(wanted.begin(), wanted.end(), array.shape(), array.shape() + array.ndim()), what);
}

void need_segments(const Segments& segments, py::ssize_t tokens) {
    need(segments.ndim() == 2 && segments.shape(1) == 3, "segments must be [count, 3]");
    const auto at = segments.unchecked<2>();
    for (py::ssize_t i = 0; i < segments.shape(0); ++i) {
        need(at(i, 0) >= 0 && at(i, 1) >= 0 && at(i, 0) <= tokens - at(i, 1), "a segment is outside the row");
        need(at(i, 2) >= -1 && at(i, 2) < i, "a segment must continue an earlier one");
    }
}

// One key head with its values; throws std::invalid_argument if shapes do not fit.
lmsi::ForestHead head_of(const Halves& queries, const Halves& keys, const Halves& values, const Segments& segments, float scale,
                         py::ssize_t head) {
    need(queries.ndim() == 3 && keys.ndim() == 3 && values.ndim() == 3, "queries, keys and values must be [tokens, heads, width]");
    const py::ssize_t tokens = keys.shape(0), heads = keys.shape(1), width = keys.shape(2);
    need_shape(values, {tokens, heads, width}, "keys and values must have one shape");
    need(queries.shape(0) == tokens && queries.shape(2) == width, "queries and keys must have one width and number of tokens");
    need(width > 0 && width % 16 == 0 && width <= static_cast<py::ssize_t>(lmsi::kMaxForestWidth),
         "the width of a head must be a multiple of 16 up to 256");
    need(head >= 0 && head < heads && queries.shape(1) >= heads && queries.shape(1) % heads == 0,
         "the number of query heads must be a multiple of the number of key heads");
    need(std::isfinite(scale), "the scale must be finite");
    need_segments(segments, tokens);
    static_assert(sizeof(lmsi::Segment) == 3 * sizeof(int64_t));
    const auto groups = static_cast<size_t>(queries.shape(1) / heads), wide = static_cast<size_t>(width);
    const size_t own = static_cast<size_t>(head) * wide;
    return {queries.data() + own * groups,
            keys.data() + own,
            values.data() + own,
            static_cast<size_t>(queries.shape(1)) * wide,
            static_cast<size_t>(heads) * wide,
            groups,
            wide,
            scale,
            reinterpret_cast<const lmsi::Segment*>(segments.data()),
            static_cast<size_t>(segments.shape(0))};
}

void attend(const Halves& queries, const Halves& keys, const Halves& values, const Segments& segments, float scale, py::ssize_t head,
            Halves output, Floats logs) {
    const lmsi::ForestHead from = head_of(queries, keys, values, segments, scale, head);
    need_shape(output, {queries.shape(0), queries.shape(1), queries.shape(2)}, "output must have the shape of the queries");
    need_shape(logs, {keys.shape(1), queries.shape(0), queries.shape(1) / keys.shape(1)}, "logs must be [heads, tokens, groups]");
    const lmsi::ForestOutput to = {output.mutable_data() + (from.queries - queries.data()), logs.mutable_data(head)};
    const lmsi::Isa isa = chosen_isa();
    const py::gil_scoped_release unlocked;
    lmsi::attend_forest(from, isa, to);
}

void differentiate(const Halves& queries, const Halves& keys, const Halves& values, const Segments& segments, float scale, py::ssize_t head,
                   const Halves& output, const Floats& logs, const Halves& of_output, Halves of_queries, Floats of_keys, Floats of_values) {
    const lmsi::ForestHead from = head_of(queries, keys, values, segments, scale, head);
    const std::initializer_list<py::ssize_t> own = {keys.shape(1), keys.shape(0), keys.shape(2)};
    for (const Halves& each : {output, of_output, static_cast<const Halves&>(of_queries)})
        need_shape(each, {queries.shape(0), queries.shape(1), queries.shape(2)}, "outputs and gradients must have the queries' shape");
    for (const Floats& each : {of_keys, of_values}) need_shape(each, own, "gradients of keys and values must be [heads, tokens, width]");
    need_shape(logs, {keys.shape(1), queries.shape(0), queries.shape(1) / keys.shape(1)}, "logs must be [heads, tokens, groups]");
    const auto offset = from.queries - queries.data();
    const lmsi::ForestGradients to = {
        output.data() + offset,     of_output.data() + offset,   logs.data(head), of_queries.mutable_data() + offset,
        of_keys.mutable_data(head), of_values.mutable_data(head)};
    const lmsi::Isa isa = chosen_isa();
    const py::gil_scoped_release unlocked;
    lmsi::differentiate_forest(from, isa, to);
}

}  // namespace

void bind_forest(py::module_& m) {
    m.def("attend_forest", &attend, py::arg("queries").noconvert(), py::arg("keys").noconvert(), py::arg("values").noconvert(),
          py::arg("segments"), py::arg("scale"), py::arg("head"), py::arg("output").noconvert(), py::arg("logs").noconvert());
    m.def("differentiate_forest", &differentiate, py::arg("queries").noconvert(), py::arg("keys").noconvert(),
          py::arg("values").noconvert(), py::arg("segments"), py::arg("scale"), py::arg("head"), py::arg("output").noconvert(),
          py::arg("logs").noconvert(), py::arg("of_output").noconvert(), py::arg("of_queries").noconvert(), py::arg("of_keys").noconvert(),
          py::arg("of_values").noconvert());
}

#include "../votes.hpp"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

#include "arrow_import.hpp"
#include "bindings.hpp"

namespace py = pybind11;

namespace {

using Offsets = py::array_t<int64_t, py::array::c_style>;
using Weights = py::array_t<double, py::array::c_style>;

// Hands a column over to numpy, which frees it.
template <class T> py::array_t<T> handed_over(std::vector<T>& column) {
    auto owned = std::make_unique<std::vector<T>>(std::move(column));
    const auto* from = owned.get();
    const py::capsule owner(owned.release(), [](void* held) { delete static_cast<std::vector<T>*>(held); });
    return py::array_t<T>(static_cast<py::ssize_t>(from->size()), from->data(), owner);
}

py::dict columns(lmsi::VoteTable& table) {
    py::dict named;
    named["winner"] = handed_over(table.winner);
    named["votes"] = handed_over(table.votes);
    named["readable"] = handed_over(table.readable);
    named["paths"] = handed_over(table.paths);
    named["confidence"] = handed_over(table.confidence);
    named["margin"] = handed_over(table.margin);
    named["entropy"] = handed_over(table.entropy);
    named["tied_offsets"] = handed_over(table.tied_offsets);
    named["tied"] = handed_over(table.tied);
    return named;
}

// Offsets and weights were checked by the caller; the two that guard memory are checked again.
py::dict count_votes(const py::object& keys, const Offsets& offsets, const std::optional<Weights>& weights) {
    const lmsi::ArrowStrings strings(keys, "keys");
    const auto size = static_cast<int64_t>(strings.size());
    if (offsets.size() == 0 || offsets.data()[0] != 0 || offsets.data()[offsets.size() - 1] != size)
        throw std::invalid_argument("offsets must run from 0 to the number of keys");
    for (py::ssize_t i = 1; i < offsets.size(); ++i)
        if (offsets.data()[i] < offsets.data()[i - 1]) throw std::invalid_argument("offsets must not decrease");
    if (weights && weights->size() != size) throw std::invalid_argument("one weight per key is needed");
    lmsi::VoteTable table;
    {
        const double* weight = weights ? weights->data() : nullptr;
        const int64_t* offset = offsets.data();
        const auto questions = static_cast<size_t>(offsets.size() - 1);
        const py::gil_scoped_release unlocked;
        table = lmsi::count_votes(strings.views().data(), offset, questions, weight);
    }
    return columns(table);
}

}  // namespace

void bind_votes(py::module_& m) {
    m.def("count_votes", &count_votes, py::arg("keys"), py::arg("offsets"), py::arg("weights") = py::none());
}

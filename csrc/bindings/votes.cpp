// Python bindings of votes: they check the offsets, release the GIL, and return the columns without copying.
#include "../votes/votes.hpp"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <memory>
#include <optional>

#include "../arrow/columns.hpp"
#include "arrow_strings.hpp"
#include "bindings.hpp"

namespace py = pybind11;

namespace {

using lmsi::ArrowColumn;
using Offsets = py::array_t<int64_t, py::array::c_style>;
using Weights = py::array_t<double, py::array::c_style>;

// A table and the sizes of its blocks, which are the last buffer of string views in Arrow.
struct Held {
    lmsi::VoteTable table;
    std::vector<int64_t> block_sizes;

    explicit Held(lmsi::VoteTable counted) : table(std::move(counted)) {
        block_sizes.reserve(table.longer_keys.size() + 1);  // so that data() is never null
        for (const auto& block : table.longer_keys) block_sizes.push_back(static_cast<int64_t>(block.size()));
    }
};

ArrowColumn views(const char* name, std::span<const lmsi::KeyCell> cells, const void* validity, int64_t nulls,
                  std::shared_ptr<const Held> held) {
    std::vector<const void*> buffers{validity, cells.data()};
    for (const auto& block : held->table.longer_keys) buffers.push_back(block.data());
    buffers.push_back(held->block_sizes.data());
    return {name, "vu", static_cast<int64_t>(cells.size()), nulls, std::move(buffers), {}, std::move(held)};
}

lmsi::Table exported(lmsi::VoteTable counted) {
    const auto held = std::make_shared<const Held>(std::move(counted));
    const lmsi::VoteTable& table = held->table;
    const auto rows = static_cast<int64_t>(table.key.size());
    const auto numbers = [&](const char* name, const char* format, const auto& values) {
        return ArrowColumn{name, format, rows, 0, {nullptr, values.data()}, {}, held};
    };
    const ArrowColumn tied{"tied", "+L", rows, 0, {nullptr, table.tied_offsets.data()}, {views("item", table.tied, nullptr, 0, held)},
                           held};
    return lmsi::Table({ArrowColumn::record({views("key", table.key, table.decided.data(), table.undecided, held),
                                             numbers("votes", "i", table.votes), numbers("readable", "i", table.readable),
                                             numbers("paths", "i", table.paths), numbers("confidence", "g", table.confidence),
                                             numbers("margin", "g", table.margin), numbers("entropy", "g", table.entropy), tied})});
}

// The Python side has already checked offsets and weights, and its error messages name the index. The checks that
// protect memory are repeated here.
void check(const Offsets& offsets, const std::optional<Weights>& weights, size_t keys) {
    const auto size = static_cast<int64_t>(keys);
    const int64_t* offset = offsets.data();
    if (offsets.size() == 0 || offset[0] != 0 || offset[offsets.size() - 1] != size)
        throw py::value_error("offsets must run from 0 to the number of keys");
    for (py::ssize_t i = 1; i < offsets.size(); ++i)
        if (offset[i] < offset[i - 1] || offset[i] - offset[i - 1] > INT32_MAX)
            throw py::value_error("offsets[" + std::to_string(i) + "] must be at least the offset before it, and less than 2^31 above it");
    if (weights && weights->size() != size) throw py::value_error("one weight per key is needed");
}

lmsi::Table count_votes(const py::object& keys, const Offsets& offsets, const std::optional<Weights>& weights) {
    const lmsi::ArrowStrings strings(keys, "keys");
    check(offsets, weights, strings.size());
    const int64_t* offset = offsets.data();
    const double* weight = weights ? weights->data() : nullptr;
    const auto questions = static_cast<size_t>(offsets.size() - 1);
    const py::gil_scoped_release unlocked;
    return exported(lmsi::count_votes(strings.chunks(), offset, questions, weight));
}

}  // namespace

void bind_votes(py::module_& m) {
    m.def("count_votes", &count_votes, py::arg("keys"), py::arg("offsets"), py::arg("weights") = py::none());
}

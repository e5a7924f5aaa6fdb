#include <cmath>
#include <stdexcept>
#include <string>

#include "../sampling/sampling.hpp"
#include "tensors.hpp"

namespace py = pybind11;

namespace {

lmsi::Logits view_of(const py::array& logits) {
    const bool adjacent = logits.ndim() == 2 && (logits.shape(0) == 0 || logits.shape(1) <= 1 || logits.strides(1) == logits.itemsize());
    need(adjacent, "logits must be [rows, vocabulary] with adjacent values");
    return {logits.data(), format_of(logits), static_cast<size_t>(logits.shape(0)), static_cast<size_t>(logits.shape(1)),
            logits.strides(0)};
}

std::string message(const lmsi::SamplingOutcome& outcome) {
    const std::string row = "row " + std::to_string(outcome.row);
    switch (outcome.fault) {
    case lmsi::RowFault::nan: return row + ": logits hold NaN";
    case lmsi::RowFault::infinite: return row + ": logits hold +inf";
    default: return row + ": every logit is -inf";
    }
}

using Counters = py::array_t<uint64_t, py::array::c_style>;

py::tuple sample_tokens(const py::array& logits, float scale, uint64_t top_k, uint64_t nucleus, uint64_t min_weight,
                        const Counters& counters) {
    const lmsi::Logits view = view_of(logits);
    need(counters.ndim() == 2 && counters.shape(0) == logits.shape(0) && counters.shape(1) == 4, "counters must be [rows, 4]");
    need(std::isfinite(scale) && scale >= 0, "the scale must be finite and at least 0");
    if (view.vocabulary == 0 || view.vocabulary > lmsi::kMaxVocabulary)
        throw std::invalid_argument("the vocabulary must have 1 to " + std::to_string(lmsi::kMaxVocabulary) + " tokens");
    const lmsi::SamplingRules rules{scale, top_k, nucleus, min_weight};
    const lmsi::Isa isa = chosen_isa();
    py::array_t<int64_t> tokens(logits.shape(0));
    py::array_t<double> logprobs(logits.shape(0));
    lmsi::SamplingOutcome outcome;
    {
        const uint64_t* from = counters.data();
        int64_t* to_tokens = tokens.mutable_data();
        double* to_logprobs = logprobs.mutable_data();
        const py::gil_scoped_release unlocked;
        outcome = lmsi::sample_tokens(view, rules, from, isa, to_tokens, to_logprobs);
    }
    if (outcome.fault != lmsi::RowFault::none) throw std::invalid_argument(message(outcome));
    return py::make_tuple(std::move(tokens), std::move(logprobs));
}

}  // namespace

void bind_sampling(py::module_& m) {
    m.def("sample_tokens", &sample_tokens, py::arg("logits"), py::arg("scale"), py::arg("top_k"), py::arg("nucleus"), py::arg("min_weight"),
          py::arg("counters"));
    m.def("sampling_isa", [] { return lmsi::isa_name(chosen_isa()); });
}

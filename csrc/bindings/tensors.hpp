// Checks of tensors that the bindings of sampling, attention and decoder share.
#pragma once
#include <pybind11/numpy.h>

#include <stdexcept>

#include "../attention/attention.hpp"
#include "bindings.hpp"

using Floats = pybind11::array_t<float, pybind11::array::c_style>;
using Paths = pybind11::array_t<int64_t, pybind11::array::c_style>;

inline lmsi::NumberFormat format_of(const pybind11::array& array) {
    if (array.dtype().is(pybind11::dtype::of<uint16_t>())) return lmsi::NumberFormat::bfloat16;
    if (array.dtype().is(pybind11::dtype::of<float>())) return lmsi::NumberFormat::float32;
    throw std::invalid_argument("numbers must be float32, or bfloat16 as uint16");
}

inline void need(bool held, const char* what) {
    if (!held) throw std::invalid_argument(what);
}

inline bool dense(const pybind11::array& array) { return (array.flags() & pybind11::array::c_style) != 0; }

// Returns a decoding step without its tokens; throws std::invalid_argument if the shapes do not fit together.
lmsi::Step step_of(const lmsi::Prefixes& shared, const lmsi::Prefixes& questions, pybind11::array& own_keys, pybind11::array& own_values,
                   const Paths& paths, size_t query_heads, float scale);

#pragma once
#include <pybind11/pybind11.h>

#include "../simd/isa.hpp"

lmsi::Isa chosen_isa();

void bind_arrow(pybind11::module_& m);
void bind_attention(pybind11::module_& m);
void bind_decoder(pybind11::module_& m);
void bind_forest(pybind11::module_& m);
void bind_answers(pybind11::module_& m);
void bind_votes(pybind11::module_& m);
void bind_sampling(pybind11::module_& m);

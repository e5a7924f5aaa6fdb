#pragma once
#include <pybind11/pybind11.h>

void bind_answers(pybind11::module_& m);
void bind_votes(pybind11::module_& m);
void bind_sampling(pybind11::module_& m);

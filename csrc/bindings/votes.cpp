#include "bindings.hpp"

void bind_votes(pybind11::module_& m) { (void)m; }

#include "bindings.hpp"

void bind_sampling(pybind11::module_& m) { (void)m; }

// Python bindings of tables, with Arrow's PyCapsule interface.
#include "../arrow/columns.hpp"
#include "bindings.hpp"

namespace py = pybind11;

namespace {

void drop(PyObject* capsule) {
    auto* held = static_cast<ArrowArrayStream*>(PyCapsule_GetPointer(capsule, "arrow_array_stream"));
    if (held->release != nullptr) held->release(held);
    delete held;
}

// The requested schema is optional, and is ignored here.
py::capsule stream(const lmsi::Table& table, const py::object&) {
    return py::capsule(new ArrowArrayStream(table.stream()), "arrow_array_stream", static_cast<PyCapsule_Destructor>(drop));
}

}  // namespace

void bind_arrow(py::module_& m) {
    py::class_<lmsi::Table>(m, "ArrowTable").def("__arrow_c_stream__", &stream, py::arg("requested_schema") = py::none());
}

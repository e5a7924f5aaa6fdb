// The Python module. The bindings of each kernel are in a separate file; they check the arguments, release the GIL and
// call the kernel.
#include "bindings.hpp"

PYBIND11_MODULE(_native, m) {
    m.doc() = "C++ kernels of lmsi_kedro; use them through lmsi_kedro.kernels.";
    bind_arrow(m);
    bind_answers(m);
    bind_votes(m);
    bind_sampling(m);
    bind_attention(m);
    bind_decoder(m);
    bind_forest(m);
}

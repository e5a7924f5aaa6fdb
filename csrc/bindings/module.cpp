// The Python module. Each kernel binds itself in its own file: check the arguments, release the GIL, call.
#include "bindings.hpp"

PYBIND11_MODULE(_native, m) {
    m.doc() = "C++ kernels of lmsi_kedro; use them through lmsi_kedro.kernels.";
    bind_arrow(m);
    bind_answers(m);
    bind_votes(m);
    bind_sampling(m);
    bind_attention(m);
    bind_decoder(m);
}

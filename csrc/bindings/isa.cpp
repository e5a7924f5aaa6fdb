#include "../simd/isa.hpp"

#include <cstdlib>
#include <stdexcept>
#include <string>

#include "bindings.hpp"

// LMSI_ISA selects an instruction set, so that tests can run all of them.
lmsi::Isa chosen_isa() {
    const char* wanted = std::getenv("LMSI_ISA");
    if (wanted == nullptr || *wanted == '\0') return lmsi::best_isa();
    if (const auto isa = lmsi::isa_named(wanted)) return *isa;
    throw std::invalid_argument("LMSI_ISA=" + std::string(wanted) +
                                " is unknown, or this machine does not support it; choose scalar, avx2, avx512 or avx512bf16");
}

// Instruction sets. The loops of the kernels are compiled for each of them, and one is selected at run time.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace lmsi {

// Each set includes the ones before it.
enum class Isa : uint8_t { scalar, avx2, avx512, avx512bf16 };

// The best instruction set that this machine supports.
Isa best_isa();
// The instruction set with this name; nothing if it is unknown, not compiled in or not supported by the machine.
std::optional<Isa> isa_named(std::string_view name);
const char* isa_name(Isa isa);

// The loops of a kernel for an instruction set; the kernel's lanes.hpp declares the tables.
template <class Tables> const auto& table_for(Isa isa) {
    switch (isa) {
#if defined(LMSI_X86)
    case Isa::avx512bf16: return Tables::avx512bf16;
    case Isa::avx512: return Tables::avx512;
    case Isa::avx2: return Tables::avx2;
#endif
    default: return Tables::scalar;
    }
}

}  // namespace lmsi

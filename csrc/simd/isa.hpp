// Instruction sets, of which the loops of kernels are chosen at run time.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace lmsi {

// Each set has what those before it have.
enum class Isa : uint8_t { scalar, avx2, avx512, avx512bf16 };

// The best instruction set of this machine.
Isa best_isa();
// The one called `name`; nothing when it is unknown, not compiled in or not supported here.
std::optional<Isa> isa_named(std::string_view name);
const char* isa_name(Isa isa);

// The loops of a kernel that were compiled for an instruction set; its lanes.hpp has the tables.
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

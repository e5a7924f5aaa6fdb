#include "isa.hpp"

#include <array>

namespace lmsi {
namespace {

constexpr std::array<const char*, 4> kIsaNames{"scalar", "avx2", "avx512", "avx512bf16"};

bool supported(Isa isa) {
    if (isa == Isa::scalar) return true;
#if defined(LMSI_X86)
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (isa == Isa::avx2) return avx2;
    const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    // Every CPU with AVX512_BF16 has AVX512_VNNI, which int8 products use.
    return avx512 && (isa == Isa::avx512 || (__builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vnni")));
#else
    return false;
#endif
}

}  // namespace

Isa best_isa() {
    for (const Isa isa : {Isa::avx512bf16, Isa::avx512, Isa::avx2})
        if (supported(isa)) return isa;
    return Isa::scalar;
}

std::optional<Isa> isa_named(std::string_view name) {
    for (size_t i = 0; i < kIsaNames.size(); ++i)
        if (name == kIsaNames[i] && supported(static_cast<Isa>(i))) return static_cast<Isa>(i);
    return std::nullopt;
}

const char* isa_name(Isa isa) { return kIsaNames[static_cast<size_t>(isa)]; }

}  // namespace lmsi

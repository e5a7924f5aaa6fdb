#pragma once
#include <cstddef>

namespace lmsi {

constexpr size_t kLanes = 16;  // loops run over 16 values at a time on every instruction set

}  // namespace lmsi

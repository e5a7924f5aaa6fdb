#pragma once
#include <cstddef>

namespace lmsi {

constexpr size_t kLanes = 16;  // loops process 16 values at a time on every instruction set
constexpr float kLowest = -__builtin_inff();

constexpr size_t whole_lanes(size_t n) { return (n + kLanes - 1) / kLanes * kLanes; }

}  // namespace lmsi

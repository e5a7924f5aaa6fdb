#pragma once
#include <cstddef>

namespace lmsi {

constexpr size_t kStride = 272;  // distance between rows, in numbers; with a power of two, rows would compete for cache lines

}  // namespace lmsi

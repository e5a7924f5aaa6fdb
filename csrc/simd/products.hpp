#pragma once
#include <cstddef>

namespace lmsi {

constexpr size_t kStride = 272;  // numbers from one row of a product to the next; with a power of two, cache lines would conflict

}  // namespace lmsi

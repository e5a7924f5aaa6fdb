#pragma once
#include <cstddef>

namespace lmsi {

constexpr size_t kStride = 272;  // numbers from one row of a product to the next; not a power of two, for which cache lines would conflict

}  // namespace lmsi

#pragma once
#include <cstddef>
#include <new>
#include <vector>

namespace lmsi {

constexpr size_t kLine = 64;  // bytes of the cache

template <class T> struct LineAllocator {
    using value_type = T;
    LineAllocator() = default;
    template <class U> LineAllocator(const LineAllocator<U>&) {}
    T* allocate(size_t n) { return static_cast<T*>(::operator new(n * sizeof(T), std::align_val_t{kLine})); }
    void deallocate(T* at, size_t) { ::operator delete(at, std::align_val_t{kLine}); }
    bool operator==(const LineAllocator&) const { return true; }
};

// A vector that begins at a line of the cache, so that no load of 16 numbers crosses one.
template <class T> using Lines = std::vector<T, LineAllocator<T>>;

}  // namespace lmsi

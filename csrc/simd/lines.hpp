#pragma once
#include <cstddef>
#include <cstring>
#include <new>
#include <vector>

namespace lmsi {

constexpr size_t kLine = 64;  // bytes of a cache line

template <class T> struct LineAllocator {
    using value_type = T;
    LineAllocator() = default;
    template <class U> LineAllocator(const LineAllocator<U>&) {}
    T* allocate(size_t n) { return static_cast<T*>(::operator new(n * sizeof(T), std::align_val_t{kLine})); }
    void deallocate(T* at, size_t) { ::operator delete(at, std::align_val_t{kLine}); }
    bool operator==(const LineAllocator&) const { return true; }
};

// Does not initialise elements, because filling scratch memory with zeros took 5 % of the time of a decoding step. In
// tests, elements are NaN until they are written.
template <class T> struct UnsetAllocator : LineAllocator<T> {
    template <class U> struct rebind {
        using other = UnsetAllocator<U>;
    };
    template <class U> void construct(U* at) {
        ::new (static_cast<void*>(at)) U;
#if defined(LMSI_FILL_SCRATCH)
        std::memset(static_cast<void*>(at), 0xff, sizeof(U));
#endif
    }
};

// A vector that begins at a cache line, so that no load of 16 numbers crosses a line.
template <class T> using Lines = std::vector<T, LineAllocator<T>>;

// A vector like Lines, but without initialisation: elements must be written before they are read.
template <class T> using Scratch = std::vector<T, UnsetAllocator<T>>;

}  // namespace lmsi

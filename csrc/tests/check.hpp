// Ends a test with a message if a condition does not hold.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string_view>

inline void check(bool holds, std::string_view what) {
    if (holds) return;
    std::fprintf(stderr, "failed: %.*s\n", static_cast<int>(what.size()), what.data());
    std::exit(1);
}

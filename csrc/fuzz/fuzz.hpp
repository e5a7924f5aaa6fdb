// Declarations that the fuzz targets and the driver share: libFuzzer's entry point, the seeds, and a check that stops
// the run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace fuzz {

std::vector<std::string> seeds();   // inputs to mutate
std::vector<std::string> pieces();  // fragments that mutations insert

// Aborts if the condition does not hold, so that the driver or libFuzzer reports the input.
inline void check(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "failed: %s\n", what);
    std::abort();
}

}  // namespace fuzz

#pragma once

namespace lmsi {

// How the results of a product are stored: written, added to what is there, or written around the cache if they are large, so that
// they do not evict data that is needed before they are read.
enum class Results { written, added, streamed };

}  // namespace lmsi

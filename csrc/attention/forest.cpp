#include "forest.hpp"

#include "../simd/lines.hpp"

namespace lmsi {

void attend_forest(const ForestHead& head, Isa isa, ForestOutput to) {
    const ForestLanes& lanes = table_for<ForestTables>(isa);
    Scratch<char> scratch(lanes.bytes(head.width));
    for (size_t i = 0; i < head.count; ++i) lanes.attend(head, i, scratch.data(), to);
}

void differentiate_forest(const ForestHead& head, Isa isa, ForestGradients to) {
    const ForestLanes& lanes = table_for<ForestTables>(isa);
    Scratch<char> scratch(lanes.bytes(head.width));
    for (size_t i = 0; i < head.count; ++i) lanes.differentiate(head, i, scratch.data(), to);
}

}  // namespace lmsi

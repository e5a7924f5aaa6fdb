#include "triggers.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace lmsi {
namespace {

constexpr size_t BLOCK = 64;  // bytes tested at once

// Whether the line at i begins an invented question: "Q:", "Question 2:", "Human:".
bool asks(View s, size_t i) {
    for (View name : {View("Question"), View("Human"), View("User"), View("Q")}) {
        if (!starts(s, i, s.size(), name)) continue;
        size_t j = i + name.size();
        j = skip_spaces(s, j, std::min(s.size(), j + 1));
        for (int k = 0; k < 3; ++k) j += digit(at(s, j, s.size()));
        return at(s, j, s.size()) == ':';
    }
    return false;
}

bool ends(View s, size_t i) {
    return s[i] == '\n' ? asks(s, i + 1) : s[i] == '<' && (starts(s, i, s.size(), "</s>") || starts(s, i, s.size(), "<|"));
}

// Every trigger contains a rare pair of letters: sw in answer, \b in \boxed, \f in \fbox, ## in ####; for options also
// pt in option, oi in choice and rr in correct. A letter has one bit for each pair that contains it, and two adjacent
// letters are a candidate if they share a bit. Candidates are about as rare as the pairs, so the branch is predicted
// well.
constexpr View PAIRS[] = {"sw", "\\b", "\\f", "##", "pt", "oi", "rr"};
using Bits = std::array<uint8_t, 256>;
constexpr Bits bits_of(size_t place) {
    Bits bits{};
    for (size_t pair = 0; pair < std::size(PAIRS); ++pair) {
        const char c = PAIRS[pair][place];
        bits[static_cast<unsigned char>(c)] |= 1u << pair;
        if (c >= 'a' && c <= 'z') bits[static_cast<unsigned char>(c - 32)] |= 1u << pair;
    }
    return bits;
}
constexpr Bits FIRST = bits_of(0), SECOND = bits_of(1);
bool is_pair(View s, size_t i) { return FIRST[static_cast<unsigned char>(s[i])] & SECOND[static_cast<unsigned char>(s[i + 1])]; }

// Whether any position of s[i, i + BLOCK) may be the end of the text. Reads one byte beyond the block.
bool block_ends(View s, size_t i) {
    unsigned char hit = 0;
    for (size_t k = i; k < i + BLOCK; ++k) {
        const char c = s[k], next = s[k + 1];
        hit |= static_cast<unsigned char>((c == '\n') & ((next == 'Q') | (next == 'H') | (next == 'U')));
        hit |= static_cast<unsigned char>((c == '<') & ((next == '/') | (next == '|')));
    }
    return hit != 0;
}

// Whether s[i, i + BLOCK) may contain a trigger. Reads one byte beyond the block.
template <bool options> bool block_announces(View s, size_t i) {
    unsigned char hit = 0;
    for (size_t k = i; k < i + BLOCK; ++k) {
        const char c = s[k], next = s[k + 1];
        const int small = c | 0x20, following = next | 0x20;
        hit |= static_cast<unsigned char>((small == 's') & (following == 'w'));
        hit |= static_cast<unsigned char>(((c == '\\') & ((next | 4) == 'f')) | ((c == '#') & (next == '#')));
        if constexpr (options)
            hit |= static_cast<unsigned char>(((small == 'p') & (following == 't')) | ((small == 'o') & (following == 'i')) |
                                              ((small == 'r') & (following == 'r')));
    }
    return hit != 0;
}

// A list of boxes, or one box up to its closing brace; without a brace before `limit`, the box stays open.
MaybeTrigger box(View s, size_t i, size_t end, size_t limit) {
    const size_t width = box_name(s, i, end);
    if (width == 0) return std::nullopt;
    const size_t j = skip_spaces(s, i + width, end);
    if (at(s, j, end) != '{') return Trigger{j, end, Form::boxed};
    const size_t close = closing_brace(s, j, limit);
    if (close == NONE) return Trigger{j + 1, end, Form::boxed};
    const size_t first = list_start(s, i);
    return first == i ? Trigger{j + 1, close, Form::boxed} : Trigger{first, close + 1, Form::boxes};
}

MaybeTrigger hashes(View s, size_t i, size_t end) {
    if (!starts(s, i, end, "####") || (i > 0 && s[i - 1] == '#') || at(s, i + 4, end) == '#') return std::nullopt;
    return Trigger{i + 4, end, Form::hashes};
}

}  // namespace

size_t readable_end(View s) {
    size_t i = skip_spaces(s, 0, s.size());
    if (i < s.size()) ++i;
    for (; i + BLOCK < s.size(); i += BLOCK)
        if (block_ends(s, i))
            for (size_t k = i; k < i + BLOCK; ++k)
                if (ends(s, k)) return k;
    if (s.size() > BLOCK && !block_ends(s, s.size() - BLOCK - 1)) return s.size();  // the last character cannot end the text
    for (; i < s.size(); ++i)
        if (ends(s, i)) return i;
    return s.size();
}

// Ends the values announced at `start` where the following trigger begins, and returns one of them. If there are two,
// the next call of `next` returns the other one.
MaybeTrigger Triggers::take(size_t start, Announcement found) {
    for (MaybeTrigger* trigger : {&found.before, &found.after})
        if (*trigger) (*trigger)->stop = std::min((*trigger)->stop, limit_);
    if (found.after) limit_ = start;
    if (!found.before) return found.after;
    pending_ = found.after;
    return found.before;
}

// The trigger that contains the pair at i.
MaybeTrigger Triggers::match(size_t i) {
    const char c = s_[i], following = s_[i + 1];
    if (c == '\\' && (following == 'b' || following == 'f')) return take(i, {{}, box(s_, i, end_, limit_)});
    if (c == '#' && following == '#') return take(i, {{}, hashes(s_, i, end_)});
    const char small = lower(c), next_small = lower(following);
    if (small == 's' && next_small == 'w' && i >= 2) return take(i - 2, answer_announces(s_, i - 2, end_));
    if (!options_) return std::nullopt;
    if (small == 'p' && next_small == 't' && i >= 1) return take(i - 1, option_announces(s_, i - 1, end_));
    if (small == 'o' && next_small == 'i' && i >= 2) return take(i - 2, option_announces(s_, i - 2, end_));
    if (small == 'r' && next_small == 'r' && i >= 2) return take(i - 2, correct_announces(s_, i - 2, end_));
    return std::nullopt;
}

MaybeTrigger Triggers::next() {
    if (pending_) return std::exchange(pending_, std::nullopt);
    while (i_ > 0) {
        if (i_ >= BLOCK && !(options_ ? block_announces<true>(s_, i_ - BLOCK) : block_announces<false>(s_, i_ - BLOCK))) {
            i_ -= BLOCK;
            continue;
        }
        for (const size_t stop = i_ >= BLOCK ? i_ - BLOCK : 0; i_ > stop;) {
            if (!is_pair(s_, --i_)) continue;
            if (const MaybeTrigger found = match(i_)) return found;
        }
    }
    return std::nullopt;
}

}  // namespace lmsi

// An Arrow column of texts, for tests and fuzzers. Each buffer has exactly the required length, so that a sanitizer
// detects reads beyond its end. A text whose data() is null is a null row.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "../arrow/strings.hpp"

class StringColumn {
public:
    StringColumn(const std::vector<std::string_view>& texts, lmsi::StringLayout layout) : layout_(layout) {
        std::vector<char> cells, bytes, validity((texts.size() + 7) / 8);
        const auto put = [](std::vector<char>& to, auto value) {
            const auto* from = reinterpret_cast<const char*>(&value);
            to.insert(to.end(), from, from + sizeof value);
        };
        for (size_t i = 0; i < texts.size(); ++i) {
            const std::string_view text = texts[i];
            if (text.data() != nullptr) validity[i / 8] = static_cast<char>(validity[i / 8] | 1 << (i % 8));
            const auto offset = static_cast<int64_t>(bytes.size());
            if (layout == lmsi::StringLayout::views) {
                put(cells, static_cast<int32_t>(text.size()));
                if (text.size() <= 12) {
                    cells.insert(cells.end(), text.begin(), text.end());
                    cells.resize(16 * (i + 1));
                    continue;
                }
                cells.insert(cells.end(), text.begin(), text.begin() + 4);
                put(cells, int32_t{0});
                put(cells, static_cast<int32_t>(offset));
            } else if (layout == lmsi::StringLayout::offsets64) {
                put(cells, offset);
            } else {
                put(cells, static_cast<int32_t>(offset));
            }
            bytes.insert(bytes.end(), text.begin(), text.end());
        }
        if (layout == lmsi::StringLayout::offsets64) put(cells, static_cast<int64_t>(bytes.size()));
        if (layout == lmsi::StringLayout::offsets32) put(cells, static_cast<int32_t>(bytes.size()));
        rows_ = texts.size();
        for (const auto* buffer : {&validity, &cells, &bytes}) keep(*buffer);
    }

    lmsi::StringArray array() const {
        ArrowArray whole{};
        whole.length = static_cast<int64_t>(rows_);
        whole.null_count = -1;
        whole.buffers = const_cast<const void**>(buffers_);
        return {layout_, whole};
    }

private:
    void keep(const std::vector<char>& buffer) {
        owners_.emplace_back(new char[buffer.size()]);
        std::copy(buffer.begin(), buffer.end(), owners_.back().get());
        buffers_[owners_.size() - 1] = owners_.back().get();
    }

    lmsi::StringLayout layout_;
    size_t rows_ = 0;
    std::vector<std::unique_ptr<char[]>> owners_;
    const void* buffers_[3] = {};
};

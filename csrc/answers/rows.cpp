#include "rows.hpp"

#include <algorithm>
#include <future>

namespace lmsi {
namespace {

// Returns one chunk of results per thread. Each call of chunk(begin, end) parses its own rows with its own buffers.
template <class Chunk> std::vector<Columns> on_threads(size_t rows, int threads, const Chunk& chunk) {
    const size_t parts = std::clamp<size_t>(static_cast<size_t>(std::max(threads, 1)), 1, std::max<size_t>(rows, 1));
    std::vector<std::future<Columns>> later;
    for (size_t i = 1; i < parts; ++i) later.push_back(std::async(std::launch::async, chunk, rows * i / parts, rows * (i + 1) / parts));
    std::vector<Columns> chunks{chunk(0, rows / parts)};
    for (auto& part : later) chunks.push_back(part.get());
    return chunks;
}

Columns columns_of(std::initializer_list<std::pair<const char*, const char*>> names_and_formats) {
    Columns columns;
    for (const auto& [name, format] : names_and_formats) columns.push_back(std::make_shared<Column>(name, format));
    return columns;
}

void append(const std::optional<Answer>& answer, Columns& to) {
    if (!answer) {
        for (auto& column : to) column->append_null();
        return;
    }
    if (answer->key.empty()) to[0]->append_null();
    else to[0]->append(answer->key);
    to[1]->append(answer->surface);
    to[2]->append(static_cast<int32_t>(answer->start));
    to[3]->append(static_cast<int32_t>(answer->end));
    to[4]->append(rule_name(answer->rule));
}

}  // namespace

void RowOptions::put(size_t row, Options& options) const {
    if (begins.empty() || begins[row] == begins[row + 1]) return options.none();
    options.begin();
    for (int64_t i = begins[row]; i < begins[row + 1]; ++i) options.add(texts[static_cast<size_t>(i)]);
}

std::vector<Columns> read_rows(const Rows& texts, Kind kind, bool comma, const RowOptions& options, bool fall_back, const Rows& finish,
                               int threads) {
    return on_threads(texts.size(), threads, [&](size_t begin, size_t end) {
        Reader reader(kind, comma);
        Columns found = columns_of({{"key", "U"}, {"surface", "U"}, {"start", "i"}, {"end", "i"}, {"rule", "U"}});
        for (size_t row = begin; row < end; ++row) {
            options.put(row, reader.options());
            const bool cut = !finish.empty() && finish[row] == "length";
            append(texts[row].data() == nullptr ? std::nullopt : reader.read(texts[row], fall_back, cut), found);
        }
        return found;
    });
}

std::vector<Columns> canonical_rows(const Rows& answers, Kind kind, bool comma, const RowOptions& options, int threads) {
    return on_threads(answers.size(), threads, [&](size_t begin, size_t end) {
        Reader reader(kind, comma);
        Columns keys = columns_of({{"key", "U"}});
        for (size_t row = begin; row < end; ++row) {
            options.put(row, reader.options());
            const std::string key = answers[row].data() == nullptr ? std::string() : reader.canonical(answers[row]);
            if (key.empty()) keys[0]->append_null();
            else keys[0]->append(key);
        }
        return keys;
    });
}

}  // namespace lmsi

#include "votes.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "tally.hpp"

namespace lmsi {
namespace {

class Counting {
public:
    Counting(const std::vector<StringArray>& keys, const int64_t* offsets, size_t questions, const double* weights, VoteTable& table)
        : chunks_(keys), offsets_(offsets), questions_(questions), weights_(weights), table_(table) {}

    void run() {
        for (size_t row = 0; row < questions_; row += 2) {
            read(row, one_);
            read(row + 1, other_);
            if (one_.few() && other_.few()) {
                count_few(one_, other_);
            } else {
                count_many(one_, distinct_);
                count_many(other_, distinct_);
            }
            write(row, one_);
            if (row + 1 < questions_) write(row + 1, other_);
            long_keys_.clear();
        }
    }

private:
    // Reads the keys of the next question, which may be in several chunks, as tokens.
    void read(size_t row, Question& question) {
        question.paths = row < questions_ ? static_cast<size_t>(offsets_[row + 1] - offsets_[row]) : 0;
        question.nulls = 0;
        if (question.tokens.size() <= question.paths) question.tokens.resize(question.paths + 1);
        for (size_t i = 0; i < question.paths;) {
            while (row_ == chunks_[chunk_].size()) ++chunk_, row_ = 0;
            const size_t count = std::min(question.paths - i, chunks_[chunk_].size() - row_);
            question.nulls |= read_rows(chunks_[chunk_], count, question.few(), &question.tokens[i]) << (i % kFew);
            row_ += count, i += count;
        }
    }

    // If the question has few paths, returns one bit per path, set for a null key, without branches. Otherwise marks the
    // tokens of null keys and returns 0.
    uint64_t read_rows(const StringArray& chunk, size_t count, bool few, Token* tokens) {
        const char* views = chunk.cell(row_);
        const bool done = views != nullptr && read_views(views, count, tokens);  // the usual case
        for (size_t i = 0; !done && i < count; ++i) {
            if (views != nullptr && is_in_place(views + kViewSize * i)) continue;
            const std::string_view key = chunk[row_ + i];
            tokens[i] = key.size() <= Token::kLongest ? Token::of(key) : Token::numbered(long_keys_(key));
        }
        if (few) return chunk.null_bits(row_, count);
        for (size_t i = 0; i < count; ++i)
            if (chunk.is_null(row_ + i)) tokens[i] = Token();
        return 0;
    }

    void write(size_t row, const Question& question) {
        const int32_t top = votes_of(question.top);
        const auto paths = static_cast<double>(std::max<size_t>(question.paths, 1));
        table_.votes[row] = top;
        table_.readable[row] = question.readable;
        table_.paths[row] = static_cast<int32_t>(question.paths);
        table_.confidence[row] = top / paths;
        table_.margin[row] = (top - votes_of(question.second)) / paths;
        table_.entropy[row] = question.entropy;
        const size_t first = table_.tied.size();
        list_tied(question);
        for (const size_t path : tied_) table_.tied.push_back(cell_of(question.tokens[path]));
        table_.tied_offsets[row + 1] = static_cast<int64_t>(table_.tied.size());
        size_t winner = 0;
        if (tied_.size() == 1 || (weights_ != nullptr && heaviest(weights_ + offsets_[row], question, winner))) {
            table_.key[row] = table_.tied[first + winner];
            table_.decided[row / 8] = static_cast<uint8_t>(table_.decided[row / 8] | 1u << (row % 8));
        } else {
            ++table_.undecided;
        }
    }

    // Lists one path for each key that has the most votes, sorted by key.
    void list_tied(const Question& question) {
        tied_.clear();
        if (!question.tied()) return tied_.push_back(path_of(question.top));
        for (size_t i = 0; i < question.distinct; ++i)
            if (votes_of(question.tallies[i]) == votes_of(question.top)) tied_.push_back(path_of(question.tallies[i]));
        std::sort(tied_.begin(), tied_.end(), [&](size_t a, size_t b) { return text(question.tokens[a]) < text(question.tokens[b]); });
    }

    // Whether exactly one of the tied keys has the largest sum of weights; `winner` is its index.
    bool heaviest(const double* weights, const Question& question, size_t& winner) const {
        bool alone = false;
        double most = -INFINITY;
        std::vector<double> values;
        for (size_t k = 0; k < tied_.size(); ++k) {
            values.clear();
            for (size_t i = 0; i < question.paths; ++i)
                if (question.is_readable(i) && question.tokens[i] == question.tokens[tied_[k]]) values.push_back(weights[i]);
            const double sum = exact_sum(values);
            if (sum > most) winner = k;
            if (sum >= most) alone = sum > most;
            most = std::max(most, sum);
        }
        return alone;
    }

    std::string_view text(const Token& token) const {
        return token.size() <= Token::kLongest ? std::string_view{token.bytes(), token.size()}
                                               : long_keys_.item(static_cast<uint32_t>(token.low));
    }

    KeyCell cell_of(const Token& token) {
        const std::string_view key = text(token);
        KeyCell cell;
        cell.size = static_cast<int32_t>(key.size());
        if (key.size() <= kInPlace) {
            std::memcpy(cell.bytes, token.bytes(), kInPlace);
            return cell;
        }
        auto& blocks = table_.longer_keys;
        if (blocks.empty() || blocks.back().size() + key.size() > INT32_MAX) blocks.emplace_back();
        std::memcpy(cell.longer.prefix, key.data(), sizeof cell.longer.prefix);
        cell.longer.block = static_cast<int32_t>(blocks.size() - 1);
        cell.longer.offset = static_cast<int32_t>(blocks.back().size());
        blocks.back().append(key);
        return cell;
    }

    const std::vector<StringArray>& chunks_;
    const int64_t* offsets_;
    size_t questions_;
    const double* weights_;
    VoteTable& table_;
    size_t chunk_ = 0, row_ = 0;  // position of the next key
    Question one_, other_;
    std::vector<size_t> tied_;
    Numbering<std::string_view> long_keys_;
    Numbering<Token> distinct_;
};

}  // namespace

VoteTable::VoteTable(size_t questions) {
    size_t size = 0;
    const auto lay_out = [&](auto& column, size_t rows) {
        using Value = typename std::remove_reference_t<decltype(column)>::value_type;
        if (columns_) column = {reinterpret_cast<Value*>(columns_.get() + size), rows};
        size += rows * sizeof(Value);
    };
    for (const bool measured : {false, true}) {
        if (measured) columns_ = std::make_unique<std::byte[]>(std::exchange(size, 0));
        lay_out(key, questions);
        for (auto* column : {&confidence, &margin, &entropy}) lay_out(*column, questions);
        lay_out(tied_offsets, questions + 1);
        for (auto* column : {&votes, &readable, &paths}) lay_out(*column, questions);
        lay_out(decided, (questions + 7) / 8);
    }
    tied.reserve(2 * questions);  // reserved pages that are never written cost nothing
}

std::string_view VoteTable::text(const KeyCell& cell) const {
    const auto size = static_cast<size_t>(cell.size);
    if (size <= kInPlace) return {cell.bytes, size};
    return std::string_view(longer_keys[static_cast<size_t>(cell.longer.block)]).substr(static_cast<size_t>(cell.longer.offset), size);
}

VoteTable count_votes(const std::vector<StringArray>& keys, const int64_t* offsets, size_t questions, const double* weights) {
    VoteTable table(questions);
    Counting(keys, offsets, questions, weights, table).run();
    return table;
}

}  // namespace lmsi

// Columns made in C++ and exported through the Arrow C stream interface, which polars, pyarrow and duckdb can import.
//
// A Table is a stream of chunks. A chunk is a struct array of columns; a table of one column can also be exported without
// the struct. Buffers are shared and live as long as any consumer uses them.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "interface.hpp"

namespace lmsi {

// A column as the C interface describes it: its buffers in the order that the format defines, and their owner.
struct ArrowColumn {
    const char* name;
    const char* format;
    int64_t length;
    int64_t nulls;
    std::vector<const void*> buffers;
    std::vector<ArrowColumn> children;
    std::shared_ptr<const void> owner;

    // Columns of equal length: a chunk of a table.
    static ArrowColumn record(std::vector<ArrowColumn> columns) {
        const int64_t length = columns.front().length;
        return {"", "+s", length, 0, {nullptr}, std::move(columns), nullptr};
    }
};

// An ArrowSchema or ArrowArray that owns its children.
template <class Struct> struct Exported {
    ArrowColumn column;
    std::vector<Struct> children;
    std::vector<Struct*> pointers;

    static Exported* of(const ArrowColumn& column) {
        auto* held = new Exported{column, std::vector<Struct>(column.children.size()), {}};
        for (size_t i = 0; i < column.children.size(); ++i) {
            put(column.children[i], held->children[i]);
            held->pointers.push_back(&held->children[i]);
        }
        return held;
    }
    static void release(Struct* exported) {
        auto* held = static_cast<Exported*>(exported->private_data);
        for (Struct& child : held->children)
            if (child.release != nullptr) child.release(&child);
        delete held;
        exported->release = nullptr;
    }
    static void put(const ArrowColumn& column, ArrowSchema& to) {
        constexpr int64_t nullable = 2;
        auto* held = of(column);
        to = {column.format,         column.name, nullptr, nullable, static_cast<int64_t>(held->pointers.size()),
              held->pointers.data(), nullptr,     release, held};
    }
    static void put(const ArrowColumn& column, ArrowArray& to) {
        auto* held = of(column);
        to = {column.length,
              column.nulls,
              0,
              static_cast<int64_t>(column.buffers.size()),
              static_cast<int64_t>(held->pointers.size()),
              held->column.buffers.data(),
              held->pointers.data(),
              nullptr,
              release,
              held};
    }
};

// A nullable column of strings ("U": 64-bit offsets) or of 32-bit integers ("i").
class Column {
public:
    Column(const char* column_name, const char* arrow_format) : name(column_name), format(arrow_format) {
        if (is_text()) offsets_.push_back(0);
    }

    void append(std::string_view text) {
        bytes_.append(text);
        offsets_.push_back(static_cast<int64_t>(bytes_.size()));
        mark(true);
    }
    void append(int32_t value) {
        values_.push_back(value);
        mark(true);
    }
    void append_null() {
        if (is_text()) offsets_.push_back(static_cast<int64_t>(bytes_.size()));
        else values_.push_back(0);
        mark(false);
    }

    // The exported column, which keeps the buffers alive.
    static ArrowColumn exported(std::shared_ptr<const Column> column) {
        const Column& c = *column;
        std::vector<const void*> buffers{c.validity_.data()};
        if (c.is_text()) buffers.insert(buffers.end(), {c.offsets_.data(), c.bytes_.data()});
        else buffers.push_back(c.values_.data());
        return {c.name, c.format, static_cast<int64_t>(c.size_), c.nulls_, std::move(buffers), {}, std::move(column)};
    }

    const char* const name;
    const char* const format;

private:
    bool is_text() const { return format[0] == 'U'; }
    void mark(bool valid) {
        if (size_ % 8 == 0) validity_.push_back(0);
        if (valid) validity_.back() = static_cast<uint8_t>(validity_.back() | 1u << (size_ % 8));
        nulls_ += !valid;
        ++size_;
    }

    size_t size_ = 0;
    int64_t nulls_ = 0;
    std::vector<uint8_t> validity_;
    std::vector<int64_t> offsets_;
    std::vector<int32_t> values_;
    std::string bytes_;
};

using Columns = std::vector<std::shared_ptr<Column>>;

class Table {
public:
    // There must be at least one chunk, and all chunks must have the same columns.
    explicit Table(std::vector<ArrowColumn> chunks) : chunks_(std::move(chunks)) {}

    // `single`: each chunk has one column, which is exported without a struct.
    Table(const std::vector<Columns>& chunks, bool single) {
        for (const Columns& columns : chunks) {
            std::vector<ArrowColumn> exported;
            for (const auto& column : columns) exported.push_back(Column::exported(column));
            chunks_.push_back(single ? exported.front() : ArrowColumn::record(std::move(exported)));
        }
    }

    // The chunks as a stream, which the consumer releases.
    ArrowArrayStream stream() const { return {get_schema, get_next, last_error, release, new State{chunks_, 0}}; }

private:
    struct State {
        std::vector<ArrowColumn> chunks;
        size_t next;
    };
    static State& state(ArrowArrayStream* stream) { return *static_cast<State*>(stream->private_data); }

    static int get_schema(ArrowArrayStream* stream, ArrowSchema* to) {
        Exported<ArrowSchema>::put(state(stream).chunks.front(), *to);
        return 0;
    }

    static int get_next(ArrowArrayStream* stream, ArrowArray* to) {
        State& at = state(stream);
        if (at.next == at.chunks.size()) to->release = nullptr;
        else Exported<ArrowArray>::put(at.chunks[at.next++], *to);
        return 0;
    }

    static const char* last_error(ArrowArrayStream*) { return nullptr; }

    static void release(ArrowArrayStream* stream) {
        delete &state(stream);
        stream->release = nullptr;
    }

    std::vector<ArrowColumn> chunks_;
};

}  // namespace lmsi

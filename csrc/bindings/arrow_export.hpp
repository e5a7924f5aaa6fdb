// Columns made in C++, handed to Python through the Arrow C stream interface (polars, pyarrow, duckdb... read it).
//
// A Table is a stream of chunks, each a struct array of its columns; a single column may be exported on its own. The buffers
// are shared: they live as long as any consumer holds them.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <string>
#include <vector>

#include "../arrow.hpp"

namespace lmsi {

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

    // The column as an Arrow array that shares ownership of it.
    static void export_array(std::shared_ptr<const Column> column, ArrowArray& to) {
        struct Held {
            std::shared_ptr<const Column> column;
            const void* buffers[3];
        };
        auto* held = new Held{std::move(column), {}};
        const Column& c = *held->column;
        held->buffers[0] = c.validity_.data();
        held->buffers[1] = c.is_text() ? static_cast<const void*>(c.offsets_.data()) : c.values_.data();
        held->buffers[2] = c.bytes_.data();
        to = {static_cast<int64_t>(c.size_), c.nulls_, 0, c.is_text() ? 3 : 2, 0, held->buffers, nullptr, nullptr,
              [](ArrowArray* array) {
                  delete static_cast<Held*>(array->private_data);
                  array->release = nullptr;
              },
              held};
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
    // `chunks` have the same columns; with `single`, each has one, which is exported as such.
    Table(std::vector<Columns> chunks, bool single) : content_{std::move(chunks), single} {}

    // The capsule of the PyCapsule interface; the requested schema is advice that we do not take.
    pybind11::capsule stream(const pybind11::object&) const {
        auto* stream = new ArrowArrayStream{get_schema, get_next, last_error, release_stream, new State{content_, 0}};
        const auto drop = [](PyObject* capsule) {
            auto* held = static_cast<ArrowArrayStream*>(PyCapsule_GetPointer(capsule, "arrow_array_stream"));
            if (held->release != nullptr) held->release(held);
            delete held;
        };
        return pybind11::capsule(stream, "arrow_array_stream", static_cast<PyCapsule_Destructor>(drop));
    }

private:
    struct Content {
        std::vector<Columns> chunks;
        bool single;
    };
    struct State {
        Content content;
        size_t next;
    };
    static State& state(ArrowArrayStream* stream) { return *static_cast<State*>(stream->private_data); }

    static void column_schema(const Column& column, ArrowSchema& to) {
        constexpr int64_t nullable = 2;
        to = {column.format, column.name, nullptr, nullable, 0, nullptr, nullptr, [](ArrowSchema* schema) { schema->release = nullptr; }, nullptr};
    }

    template <class Struct> static void release_children(Struct* parent) {
        for (int64_t i = 0; i < parent->n_children; ++i) {
            if (parent->children[i]->release != nullptr) parent->children[i]->release(parent->children[i]);
            delete parent->children[i];
        }
        delete[] parent->children;
        parent->release = nullptr;
    }

    static int get_schema(ArrowArrayStream* stream, ArrowSchema* to) {
        const Content& content = state(stream).content;
        const Columns& columns = content.chunks.front();
        if (content.single) {
            column_schema(*columns.front(), *to);
            return 0;
        }
        auto** children = new ArrowSchema*[columns.size()];
        for (size_t i = 0; i < columns.size(); ++i) column_schema(*columns[i], *(children[i] = new ArrowSchema));
        *to = {"+s", "", nullptr, 0, static_cast<int64_t>(columns.size()), children, nullptr, release_children<ArrowSchema>, nullptr};
        return 0;
    }

    static int get_next(ArrowArrayStream* stream, ArrowArray* to) {
        State& at = state(stream);
        if (at.next == at.content.chunks.size()) {
            to->release = nullptr;
            return 0;
        }
        const Columns& columns = at.content.chunks[at.next++];
        if (at.content.single) {
            Column::export_array(columns.front(), *to);
            return 0;
        }
        auto** children = new ArrowArray*[columns.size()];
        for (size_t i = 0; i < columns.size(); ++i) Column::export_array(columns[i], *(children[i] = new ArrowArray));
        static const void* no_validity[1] = {nullptr};
        *to = {children[0]->length, 0, 0, 1, static_cast<int64_t>(columns.size()), no_validity, children, nullptr, release_children<ArrowArray>, nullptr};
        return 0;
    }

    static const char* last_error(ArrowArrayStream*) { return nullptr; }

    static void release_stream(ArrowArrayStream* stream) {
        delete &state(stream);
        stream->release = nullptr;
    }

    Content content_;
};

}  // namespace lmsi

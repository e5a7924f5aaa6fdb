// Reads Python objects with __arrow_c_stream__ or __arrow_c_array__ (the Arrow PyCapsule interface) as string chunks.
//
// Nothing is copied: this object takes over the buffers of the Python object and releases them when it is destroyed. The
// GIL is needed for construction and destruction, but not for reading. A list has neither method, so the Python side
// converts it to a polars Series first.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "../arrow/strings.hpp"

namespace lmsi {

// Owns a struct of the C interface, and releases it exactly once.
template <class T> struct Released {
    T value{};
    Released() = default;
    Released(const Released&) = delete;
    Released& operator=(const Released&) = delete;
    ~Released() {
        if (value.release != nullptr) value.release(&value);
    }
};

class ArrowStrings {
public:
    // Throws pybind11::type_error that names `argument` if the object is not an Arrow column of text.
    ArrowStrings(const pybind11::object& column, const char* argument) {
        if (pybind11::hasattr(column, "__arrow_c_stream__")) read_stream(column, argument);
        else if (pybind11::hasattr(column, "__arrow_c_array__")) read_array(column, argument);
        else throw pybind11::type_error(std::string(argument) + ": expected an Arrow string array or a list of strings");
    }

    const std::vector<StringArray>& chunks() const { return chunks_; }
    size_t size() const { return size_; }

    // A view of each row of all chunks, 16 bytes per view; data() is null for a null row.
    std::vector<std::string_view> views() const {
        std::vector<std::string_view> all;
        all.reserve(size_);
        for (const StringArray& chunk : chunks_)
            for (size_t row = 0; row < chunk.size(); ++row) all.push_back(chunk[row]);
        return all;
    }

private:
    template <class T> static T* pointer(const pybind11::object& capsule, const char* name) {
        void* found = PyCapsule_GetPointer(capsule.ptr(), name);
        if (found == nullptr) throw pybind11::error_already_set();
        return static_cast<T*>(found);
    }

    // Moves the struct out of its capsule, in which a released struct remains, as the interface requires.
    template <class T> static void take(T& from, T& to) {
        to = from;
        from.release = nullptr;
    }

    static StringLayout layout_of(const ArrowSchema& schema, const char* argument) {
        const auto layout = string_layout(schema.format);
        if (!layout || schema.dictionary != nullptr)
            throw pybind11::type_error(std::string(argument) + ": expected text, found the Arrow type '" + schema.format + "'");
        return *layout;
    }

    void keep(StringLayout layout, std::unique_ptr<Released<ArrowArray>> array) {
        chunks_.emplace_back(layout, array->value);
        size_ += chunks_.back().size();
        arrays_.push_back(std::move(array));
    }

    void read_array(const pybind11::object& column, const char* argument) {
        const pybind11::tuple pair = column.attr("__arrow_c_array__")();
        Released<ArrowSchema> schema;
        auto array = std::make_unique<Released<ArrowArray>>();
        take(*pointer<ArrowSchema>(pair[0], "arrow_schema"), schema.value);
        take(*pointer<ArrowArray>(pair[1], "arrow_array"), array->value);
        keep(layout_of(schema.value, argument), std::move(array));
    }

    void read_stream(const pybind11::object& column, const char* argument) {
        const pybind11::object capsule = column.attr("__arrow_c_stream__")();
        Released<ArrowArrayStream> stream;
        take(*pointer<ArrowArrayStream>(capsule, "arrow_array_stream"), stream.value);
        Released<ArrowSchema> schema;
        check(stream.value, stream.value.get_schema(&stream.value, &schema.value));
        const StringLayout layout = layout_of(schema.value, argument);
        for (;;) {
            auto array = std::make_unique<Released<ArrowArray>>();
            check(stream.value, stream.value.get_next(&stream.value, &array->value));
            if (array->value.release == nullptr) return;  // the end of the stream
            keep(layout, std::move(array));
        }
    }

    static void check(ArrowArrayStream& stream, int code) {
        if (code == 0) return;
        const char* why = stream.get_last_error(&stream);
        throw std::runtime_error(why == nullptr ? "the Arrow stream failed" : why);
    }

    std::vector<std::unique_ptr<Released<ArrowArray>>> arrays_;  // owners of the buffers to which chunks_ refers
    std::vector<StringArray> chunks_;
    size_t size_ = 0;
};

}  // namespace lmsi

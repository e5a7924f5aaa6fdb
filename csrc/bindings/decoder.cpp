#include "../decoder/decoder.hpp"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <optional>
#include <tuple>

#include "tensors.hpp"

namespace py = pybind11;

namespace {

std::shared_ptr<lmsi::Linear> linear(const py::array& weight, const std::optional<py::array>& bias, bool int8) {
    need(weight.ndim() == 2 && weight.shape(0) > 0 && weight.shape(1) > 0 && dense(weight),
         "a weight must be [out, in], neither of them 0");
    need(!bias || (bias->ndim() == 1 && dense(*bias) && bias->shape(0) == weight.shape(0) && format_of(*bias) == format_of(weight)),
         "a bias must be [out], in the weight's format");
    return std::make_shared<lmsi::Linear>(weight.data(), bias ? bias->data() : nullptr, format_of(weight),
                                          static_cast<size_t>(weight.shape(1)), static_cast<size_t>(weight.shape(0)), int8);
}

void apply(const lmsi::Linear& linear, const Floats& x, Floats y) {
    need(x.ndim() == 2 && static_cast<size_t>(x.shape(1)) == linear.in(), "x must be [rows, in]");
    need(y.ndim() == 2 && y.shape(0) == x.shape(0) && static_cast<size_t>(y.shape(1)) == linear.out(), "y must be [rows, out]");
    const lmsi::Isa isa = chosen_isa();
    const float* from = x.data();
    float* to = y.mutable_data();
    const auto rows = static_cast<size_t>(x.shape(0));
    const py::gil_scoped_release unlocked;
    linear.apply(from, rows, isa, to);
}

// The weights of a layer: norms before attention and MLP; qkv, out, gate_up and down; the norms of queries and keys;
// and whether queries and keys are rotated.
using Layer = std::tuple<std::vector<float>, std::vector<float>, std::shared_ptr<lmsi::Linear>, std::shared_ptr<lmsi::Linear>,
                         std::shared_ptr<lmsi::Linear>, std::shared_ptr<lmsi::Linear>, std::vector<float>, std::vector<float>, bool>;

lmsi::Decoder decoder(const std::vector<Layer>& layers, std::vector<float> norm, std::shared_ptr<lmsi::Linear> head, size_t heads,
                      size_t key_heads, size_t width, float epsilon) {
    std::vector<lmsi::DecoderLayer> all;
    for (const auto& [attention_norm, mlp_norm, qkv, out, gate_up, down, query_norm, key_norm, rotary] : layers)
        all.push_back({attention_norm, mlp_norm, qkv, out, gate_up, down, query_norm, key_norm, rotary});
    const size_t size = norm.size();
    return {{size, heads, key_heads, width, epsilon}, std::move(all), std::move(norm), std::move(head)};
}

// The shared prefix, the questions, and the paths' own keys and values of a layer.
using Level = std::tuple<const lmsi::Prefixes*, const lmsi::Prefixes*, py::array, py::array>;

void step(const lmsi::Decoder& decoder, Floats x, const Floats& cos, const Floats& sin, std::vector<Level> levels, const Paths& paths,
          float scale, Floats logits) {
    const lmsi::Decoder::Shape& shape = decoder.shape();
    const py::ssize_t rows = x.shape(0);
    const auto is = [&](const Floats& array, size_t columns) {
        return array.ndim() == 2 && array.shape(0) == rows && static_cast<size_t>(array.shape(1)) == columns;
    };
    need(is(x, shape.size), "x must be [rows, size]");
    need(is(cos, shape.width) && is(sin, shape.width), "cos and sin must be [rows, width of a head]");
    need(logits.size() == 0 || is(logits, decoder.vocabulary()), "logits must be [rows, vocabulary], or empty");
    need(levels.size() == decoder.layers() && paths.shape(0) == rows, "there must be one level per layer and one path per row");
    std::vector<lmsi::Decoder::Level> all;
    for (auto& [shared, questions, keys, values] : levels) {
        need(shared != nullptr && questions != nullptr && shared->heads() == shape.key_heads && shared->width() == shape.width,
             "prefixes must have the layers' heads and width");
        all.push_back({shared, questions, step_of(*shared, *questions, keys, values, paths, shape.heads, scale)});
    }
    const lmsi::Isa isa = chosen_isa();
    float *hidden = x.mutable_data(), *to = logits.size() == 0 ? nullptr : logits.mutable_data();
    const py::gil_scoped_release unlocked;
    decoder.step(hidden, static_cast<size_t>(rows), cos.data(), sin.data(), all, isa, to);
}

}  // namespace

void bind_decoder(py::module_& m) {
    py::class_<lmsi::Linear, std::shared_ptr<lmsi::Linear>>(m, "Linear")
        .def(py::init(&linear), py::arg("weight"), py::arg("bias"), py::arg("int8") = false)
        .def("apply", &apply, py::arg("x"), py::arg("y").noconvert());
    py::class_<lmsi::Decoder>(m, "Decoder")
        .def(py::init(&decoder), py::arg("layers"), py::arg("norm"), py::arg("head"), py::arg("heads"), py::arg("key_heads"),
             py::arg("width"), py::arg("epsilon"))
        .def("step", &step, py::arg("x").noconvert(), py::arg("cos"), py::arg("sin"), py::arg("levels"), py::arg("paths"), py::arg("scale"),
             py::arg("logits").noconvert());
}

// Runs a fuzz target on random mutations of its seeds, for compilers without libFuzzer.
//
// `answers_fuzz -max_total_time=5 -seed=1` runs for five seconds and prints the number of inputs. After a crash, the
// file crash-input contains the input, and `answers_fuzz crash-input` runs it again.
#include <chrono>
#include <csignal>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>
#include <random>

#include "fuzz.hpp"

namespace {

constexpr size_t LARGEST = 1 << 14;  // maximum size of an input; longer ones slow down the search and are tested separately
std::string current;

void keep_input(int) {
    std::ofstream("crash-input", std::ios::binary) << current;
    std::fprintf(stderr, "the input was written to crash-input (%zu bytes)\n", current.size());
    std::signal(SIGABRT, SIG_DFL);
    std::abort();
}

void run(const std::string& input) {
    current = input;
    const std::clock_t start = std::clock();
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(current.data()), current.size());
    const bool quick = std::clock() - start < CLOCKS_PER_SEC / 2;  // the slowest input so far took 0.04 s
    fuzz::check(quick || current.size() > LARGEST, "one input took half a second");
}

class Mutator {
public:
    explicit Mutator(unsigned seed) : random_(seed), pieces_(fuzz::pieces()) {}

    void mutate(std::string& text, const std::vector<std::string>& others) {
        for (unsigned n = 1 + random_() % 6; n > 0; --n) once(text, others);
        if (text.size() > LARGEST) text.resize(LARGEST);
    }

    size_t below(size_t n) { return n == 0 ? 0 : random_() % n; }

private:
    void once(std::string& text, const std::vector<std::string>& others) {
        const size_t at = below(text.size() + 1);
        const size_t length = below(std::min<size_t>(text.size() - at, 40) + 1);
        switch (random_() % 7) {
        case 0: text.insert(at, pieces_[below(pieces_.size())]); break;
        case 1: text.insert(at, 1, static_cast<char>(random_())); break;
        case 2: text.erase(at, length); break;
        case 3: text.insert(at, text.substr(at, length)); break;
        case 4: repeat(text, at); break;
        case 5: splice(text, at, others[below(others.size())]); break;
        default:
            if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << random_() % 8));
        }
    }

    void repeat(std::string& text, size_t at) {
        const std::string& piece = pieces_[below(pieces_.size())];
        std::string run;
        for (size_t n = below(random_() % 16 == 0 ? 2'000 : 20); n > 0 && run.size() < LARGEST; --n) run += piece;
        text.insert(at, run);
    }

    void splice(std::string& text, size_t at, const std::string& other) {
        const size_t from = below(other.size() + 1);
        text.replace(at, std::string::npos, other, from, std::string::npos);
    }

    std::mt19937 random_;
    std::vector<std::string> pieces_;
};

double option(int argc, char** argv, const char* name, double otherwise) {
    for (int i = 1; i < argc; ++i)
        if (std::strncmp(argv[i], name, std::strlen(name)) == 0) return std::atof(argv[i] + std::strlen(name));
    return otherwise;
}

int run_files(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
        std::ifstream file(argv[i], std::ios::binary);
        run({std::istreambuf_iterator<char>(file), {}});
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGABRT, keep_input);
    if (argc > 1 && argv[1][0] != '-') return run_files(argc, argv);
    using Clock = std::chrono::steady_clock;
    const auto end = Clock::now() + std::chrono::duration<double>(option(argc, argv, "-max_total_time=", 5));
    Mutator mutator(static_cast<unsigned>(option(argc, argv, "-seed=", 1)));
    std::vector<std::string> corpus = fuzz::seeds();
    for (const std::string& seed : corpus) run(seed);
    const size_t given = corpus.size();
    size_t inputs = given;
    for (; Clock::now() < end; ++inputs) {
        std::string text = corpus[mutator.below(corpus.size())];
        mutator.mutate(text, corpus);
        run(text);
        // Some of the mutated inputs are kept and mutated again, because an error may need several mutations.
        if (mutator.below(8) != 0) continue;
        if (corpus.size() < given + 300) corpus.push_back(text);
        else corpus[given + mutator.below(300)] = text;
    }
    std::printf("%zu inputs, no error\n", inputs);
}

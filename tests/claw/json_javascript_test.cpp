#include "claw/json.h"
#include "support/temp_dir.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>
#include <random>
#include <sstream>

using namespace clawsigner;

namespace {

/// JSON texts as nobody would write them by hand. Repeatable: the seed is fixed.
class RandomJson {
public:
    std::string document() {
        std::string out;
        value(out, 0);
        return out;
    }

private:
    std::uint64_t below(std::uint64_t limit) { return random_() % limit; }

    void value(std::string& out, int depth) {
        switch (below(depth < 5 ? 8 : 5)) {
            case 0:
                return static_cast<void>(out.append(std::array{"null", "true", "false"}[below(3)]));
            case 1:
            case 2:
                return number(out);
            case 3:
            case 4:
                return string(out);
            case 5:
                return array(out, depth);
            default:
                return object(out, depth);
        }
    }

    void number(std::string& out) {
        char text[64];
        switch (below(5)) {
            case 0:
                std::snprintf(text, sizeof text, "%lld",
                              static_cast<long long>(random_() >> below(63)) - 1000);
                break;
            case 1:
                std::snprintf(text, sizeof text, "%.2f",
                              static_cast<double>(below(10'000'000)) / 100);
                break;
            case 2:
                std::snprintf(text, sizeof text, "%llue%d",
                              static_cast<unsigned long long>(below(100'000)),
                              static_cast<int>(below(44)) - 22);
                break;
            default: {
                double any = 0;
                do {
                    const std::uint64_t bits = random_();
                    std::memcpy(&any, &bits, sizeof any);
                } while (!std::isfinite(any));
                std::snprintf(text, sizeof text, "%.*g", static_cast<int>(1 + below(17)), any);
                if (std::strtod(text, nullptr) == HUGE_VAL ||
                    std::strtod(text, nullptr) == -HUGE_VAL) {
                    std::snprintf(text, sizeof text, "0");  // rounded up beyond the largest double
                }
            }
        }
        out.append(text);
    }

    void character(std::string& out) {
        char text[16];
        switch (below(6)) {
            case 0:
                std::snprintf(text, sizeof text, "\\u%04x", static_cast<unsigned>(below(0xD800)));
                return static_cast<void>(out.append(text));
            case 1:
                std::snprintf(text, sizeof text, "\\u%04X\\u%04x",
                              static_cast<unsigned>(0xD800 + below(0x400)),
                              static_cast<unsigned>(0xDC00 + below(0x400)));
                return static_cast<void>(out.append(text));
            case 2:
                return static_cast<void>(out.append(std::array{"\\n", "\\\"", "\\\\", "\\/", "\\b",
                                                               "\\f", "\\r", "\\t"}[below(8)]));
            case 3:
                return static_cast<void>(out.append(std::array{
                    "\u00e9", "\u2028", "\U0001F600", "\uffff", "\x7f", "\ue000"}[below(6)]));
            default:
                out.push_back(static_cast<char>("abcXYZ 019_-./<>&'"[below(18)]));
        }
    }

    void string(std::string& out) {
        out.push_back('"');
        for (std::uint64_t i = below(8); i > 0; --i) {
            character(out);
        }
        out.push_back('"');
    }

    void space(std::string& out) { out.append(std::array{"", "", "", " ", "\t"}[below(5)]); }

    void array(std::string& out, int depth) {
        out.push_back('[');
        for (std::uint64_t i = 0, size = below(5); i < size; ++i) {
            out.append(i > 0 ? "," : "");
            space(out);
            value(out, depth + 1);
        }
        out.push_back(']');
    }

    /// Names that are numbers, nearly numbers and texts, each once: its place in the object stands
    /// in front or behind.
    void object(std::string& out, int depth) {
        out.push_back('{');
        const std::uint64_t size = below(6);
        for (std::uint64_t i = 0; i < size; ++i) {
            out.append(i > 0 ? ",\"" : "\"");
            if (below(2) == 0) {
                out.append(std::to_string(below(3) == 0 ? 4294967290 + i : below(50) * 10 + i));
            } else {
                out.append(std::array{"n", "0", "-", "é", "\U0001F600"}[below(5)])
                    .append("x")
                    .append(std::to_string(i));
            }
            out.append("\"");
            space(out);
            out.push_back(':');
            value(out, depth + 1);
        }
        out.push_back('}');
    }

    std::mt19937_64 random_{20260301};  // NOLINT(cert-msc51-cpp): repeatable on purpose
};

std::string output_of(const std::string& command) {
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
    REQUIRE(pipe != nullptr);
    std::string out;
    std::array<char, 65536> some{};
    for (std::size_t got = 0; (got = std::fread(some.data(), 1, some.size(), pipe.get())) > 0;) {
        out.append(some.data(), got);
    }
    return out;
}

}  // namespace

TEST_CASE("json: ten thousand random documents print as a JavaScript engine prints them",
          "[claw]") {
    RandomJson random;
    std::vector<std::string> documents;
    std::string lines;
    for (int i = 0; i < 10'000; ++i) {
        documents.push_back(random.document());
        lines.append(documents.back()).append("\n");
    }
    const tests::TempDir dir;
    const auto file = dir.write("documents", lines);
    std::istringstream printed(output_of(std::string(CLAWSIGNER_NODE) +
                                         " " CLAWSIGNER_ORACLE "/json_stringify.mjs " +
                                         file.string()));
    std::size_t compared = 0;
    std::size_t refused = 0;
    for (std::string line; std::getline(printed, line); ++compared) {
        const auto value = claw::parse_json(documents[compared], claw::JsonRules::javascript);
        INFO(documents[compared]);
        if (!value.ok()) {
            // Two members of one name can come out of the generator; JavaScript keeps the last, we
            // refuse.
            REQUIRE_THAT(value.error().message, Catch::Contains("stands twice"));
            ++refused;
            continue;
        }
        REQUIRE(claw::json_text(*value) == line);
    }
    CHECK(compared == documents.size());
    CHECK(refused < documents.size() / 20);
}

#include "support/vectors.h"

#include "base/file.h"

#include <boost/json/parse.hpp>

#include <filesystem>
#include <sstream>

namespace clawsigner::tests {
namespace {

constexpr std::size_t kMaxFile = 16U << 20U;

std::string content_of(std::string_view file) {
    return base::read_file(std::filesystem::path(CLAWSIGNER_VECTORS) / file, kMaxFile).value();
}

}  // namespace

claw::JsonValue vector_file(std::string_view file) {
    return claw::parse_json(content_of(file), claw::JsonRules::javascript).value();
}

std::vector<claw::JsonValue> vector_rows(std::string_view file) {
    if (file.ends_with(".json")) {
        const claw::JsonValue document = vector_file(file);
        return {document.get_array().begin(), document.get_array().end()};
    }
    std::vector<claw::JsonValue> rows;
    for (const std::string& line : vector_lines(file)) {
        rows.push_back(claw::parse_json(line, claw::JsonRules::javascript).value());
    }
    return rows;
}

std::vector<std::string> vector_lines(std::string_view file) {
    std::vector<std::string> rows;
    std::istringstream lines(content_of(file));
    for (std::string line; std::getline(lines, line);) {
        rows.push_back(std::move(line));
    }
    return rows;
}

std::string text_of(const claw::JsonValue& row, std::string_view name) {
    return std::string(row.get_object().at(name).get_string());
}

}  // namespace clawsigner::tests

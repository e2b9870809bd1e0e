#include "cli/indented.h"

#include "cli/output.h"

namespace clawsigner::cli {
namespace {

using claw::JsonValue;

void print(std::string& out, const JsonValue& value, std::size_t level);

void new_line(std::string& out, std::size_t level) {
    out.append("\n").append(2 * level, ' ');
}

void print_object(std::string& out, const claw::JsonObject& object, std::size_t level) {
    out.append("{");
    bool first = true;
    for (const auto& member : object) {
        out.append(first ? "" : ",");
        first = false;
        new_line(out, level + 1);
        std::string name;
        claw::append_json_string(name, member.key());
        out.append(printable(name));
        out.append(": ");
        print(out, member.value(), level + 1);
    }
    new_line(out, level);
    out.append("}");
}

void print_array(std::string& out, const boost::json::array& array, std::size_t level) {
    out.append("[");
    bool first = true;
    for (const JsonValue& element : array) {
        out.append(first ? "" : ",");
        first = false;
        new_line(out, level + 1);
        print(out, element, level + 1);
    }
    new_line(out, level);
    out.append("]");
}

void print(std::string& out, const JsonValue& value, std::size_t level) {
    if (value.is_object() && !value.get_object().empty()) {
        print_object(out, value.get_object(), level);
    } else if (value.is_array() && !value.get_array().empty()) {
        print_array(out, value.get_array(), level);
    } else {
        out.append(printable(claw::json_text(value)));
    }
}

}  // namespace

std::string indented(const JsonValue& value) {
    std::string out;
    print(out, value, 0);
    return out;
}

}  // namespace clawsigner::cli

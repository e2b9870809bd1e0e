#include "claw/javascript_text.h"
#include "claw/json.h"
#include "claw/json_names.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace clawsigner::claw {
namespace {

using Member = const boost::json::key_value_pair*;

std::vector<Member> members_of(const JsonObject& object) {
    std::vector<Member> members;
    members.reserve(object.size());
    for (const auto& member : object) {
        members.push_back(&member);
    }
    return members;
}

/// ECMA-262 OrdinaryOwnPropertyKeys: index-like names ascending, then the others as they came.
std::vector<Member> in_javascript_order(const JsonObject& object) {
    std::vector<Member> members = members_of(object);
    // An object keeps its members in one run of memory, in the order they came.
    const auto place = [](Member member) {
        constexpr std::uint64_t kNoIndex = std::numeric_limits<std::uint64_t>::max();
        return std::pair(array_index(member->key()).value_or(kNoIndex), member);
    };
    std::ranges::sort(members, {}, place);
    return members;
}

std::vector<Member> in_utf16_order(const JsonObject& object) {
    std::vector<Member> members = members_of(object);
    std::ranges::sort(members, utf16_less,
                      [](Member member) { return std::string_view(member->key()); });
    return members;
}

using Order = std::vector<Member> (*)(const JsonObject&);

void append_value(std::string& out, const JsonValue& value, Order order);

void append_object(std::string& out, const JsonObject& object, Order order) {
    out.push_back('{');
    bool first = true;
    for (const Member member : order(object)) {
        if (!first) {
            out.push_back(',');
        }
        first = false;
        append_json_string(out, member->key());
        out.push_back(':');
        append_value(out, member->value(), order);
    }
    out.push_back('}');
}

void append_array(std::string& out, const boost::json::array& array, Order order) {
    out.push_back('[');
    bool first = true;
    for (const JsonValue& element : array) {
        if (!first) {
            out.push_back(',');
        }
        first = false;
        append_value(out, element, order);
    }
    out.push_back(']');
}

// Recursion is bounded by kMaxJsonDepth for every parsed value.
void append_value(std::string& out, const JsonValue& value, Order order) {
    switch (value.kind()) {
        case boost::json::kind::null:
            out.append("null");
            return;
        case boost::json::kind::bool_:
            out.append(value.get_bool() ? "true" : "false");
            return;
        case boost::json::kind::int64:
            append_json_number(out, static_cast<double>(value.get_int64()));
            return;
        case boost::json::kind::uint64:
            append_json_number(out, static_cast<double>(value.get_uint64()));
            return;
        case boost::json::kind::double_:
            append_json_number(out, value.get_double());
            return;
        case boost::json::kind::string:
            append_json_string(out, value.get_string());
            return;
        case boost::json::kind::array:
            append_array(out, value.get_array(), order);
            return;
        case boost::json::kind::object:
            append_object(out, value.get_object(), order);
            return;
    }
}

}  // namespace

void append_json(std::string& out, const JsonValue& value) {
    append_value(out, value, in_javascript_order);
}

void append_json(std::string& out, const JsonObject& object) {
    append_object(out, object, in_javascript_order);
}

std::string json_text(const JsonValue& value) {
    std::string out;
    append_json(out, value);
    return out;
}

std::string canonical_json_text(const JsonValue& value) {
    std::string out;
    append_value(out, value, in_utf16_order);
    return out;
}

}  // namespace clawsigner::claw

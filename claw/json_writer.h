#pragma once

#include "base/clock.h"
#include "claw/json_text.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace clawsigner::claw {

/// Writes one object, members in the order of the calls, without spaces:
///
///     std::string text = JsonWriter().text("kid", kid).integer("latency_ms", 12).done();
///
/// Names are ours: they are never index-like, doubled or in need of escapes.
class JsonWriter {
public:
    JsonWriter& text(std::string_view name, std::string_view value) {
        append_json_string(begin(name), value);
        return *this;
    }
    JsonWriter& optional_text(std::string_view name, const std::optional<std::string>& value) {
        return value ? text(name, *value) : *this;
    }
    /// As base::format_utc prints it.
    JsonWriter& time(std::string_view name, UnixMillis value) {
        return text(name, base::format_utc(value));
    }
    JsonWriter& optional_time(std::string_view name, const std::optional<UnixMillis>& value) {
        return value ? time(name, *value) : *this;
    }
    JsonWriter& integer(std::string_view name, std::int64_t value) {
        begin(name).append(std::to_string(value));
        return *this;
    }
    JsonWriter& number(std::string_view name, double value) {
        append_json_number(begin(name), value);
        return *this;
    }
    JsonWriter& optional_number(std::string_view name, const std::optional<double>& value) {
        return value ? number(name, *value) : *this;
    }
    JsonWriter& boolean(std::string_view name, bool value) {
        begin(name).append(value ? "true" : "false");
        return *this;
    }
    /// `json` is a JSON text already.
    JsonWriter& raw(std::string_view name, std::string_view json) {
        begin(name).append(json);
        return *this;
    }

    std::string done() { return std::move(out_.append(out_.empty() ? "{}" : "}")); }

private:
    std::string& begin(std::string_view name) {
        out_.append(out_.empty() ? "{\"" : ",\"").append(name).append("\":");
        return out_;
    }

    std::string out_;
};

/// [a,b,…] of the JSON text that `print` makes of each element.
template <class Range, class Print>
std::string json_array_of(const Range& range, Print print) {
    std::string text = "[";
    for (const auto& element : range) {
        text.append(text.size() > 1 ? "," : "").append(print(element));
    }
    return text.append("]");
}

}  // namespace clawsigner::claw

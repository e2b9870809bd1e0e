#include "claw/json_reader.h"

#include "base/encoding.h"
#include "claw/javascript_text.h"

#include <algorithm>
#include <cmath>

namespace clawsigner::claw {
namespace {

constexpr std::size_t kUsualMembers = 24;
// A time has 24; what is wrong with a text that is a little longer is told better by its shape.
constexpr std::size_t kMaxTime = 64;

std::string bounds(std::string_view what, std::size_t min, std::size_t max) {
    std::string text("must have ");
    if (min > 0) {
        text.append("from ").append(std::to_string(min)).append(" to ");
    } else {
        text.append("at most ");
    }
    return text.append(std::to_string(max)).append(" ").append(what);
}

}  // namespace

JsonReader::JsonReader(const JsonValue& value, std::string path)
    : JsonReader(value, std::move(path), {}) {}

JsonReader::JsonReader(const JsonValue& value, std::string path, std::string_view rule)
    : object_(value.if_object()), path_(std::move(path)), rule_(rule) {
    asked_.reserve(kUsualMembers);
    if (object_ == nullptr) {
        refuse(Error::at(path_, "must be an object"));
    }
}

bool JsonReader::has(std::string_view name) const {
    return object_ != nullptr && object_->contains(name);
}

const JsonValue* JsonReader::find(std::string_view name) {
    asked_.push_back(name);
    return object_ == nullptr || failed() ? nullptr : object_->if_contains(name);
}

const JsonValue* JsonReader::require(std::string_view name) {
    const JsonValue* value = find(name);
    if (value == nullptr) {
        refuse(name, "is missing");
    }
    return value;
}

void JsonReader::refuse(std::string_view name, std::string_view reason) {
    refuse(Error::at(member_path(path_, name), reason));
}

void JsonReader::refuse(Error error) {
    if (!failed()) {
        fault_ = under_rule(std::move(error), rule_);
    }
}

std::string JsonReader::text_of(std::string_view name, const JsonValue& value,
                                std::size_t max_bytes) {
    const auto* string = value.if_string();
    if (string == nullptr) {
        refuse(name, "must be a string");
    } else if (is_blank(*string)) {
        refuse(name, "must not be blank");
    } else if (string->size() > max_bytes) {
        refuse(name, bounds("bytes", 0, max_bytes));
    } else {
        return std::string(*string);
    }
    return {};
}

std::string JsonReader::text(std::string_view name, std::size_t max_bytes) {
    const JsonValue* value = require(name);
    return value == nullptr ? std::string() : text_of(name, *value, max_bytes);
}

std::optional<std::string> JsonReader::optional_text(std::string_view name, std::size_t max_bytes) {
    const JsonValue* value = find(name);
    return value == nullptr ? std::nullopt : std::optional(text_of(name, *value, max_bytes));
}

std::string JsonReader::b64u_of(std::string_view name, const JsonValue& value,
                                std::size_t min_chars, std::size_t max_chars) {
    std::string text = text_of(name, value, max_chars);
    if (failed()) {
        return {};
    }
    if (const auto decoded = base::base64url_decode(text); !decoded.ok()) {
        refuse(name, decoded.error().message);
    } else if (text.size() < min_chars) {
        refuse(name, bounds("base64url characters", min_chars, max_chars));
    }
    return text;
}

std::string JsonReader::b64u(std::string_view name, std::size_t min_chars, std::size_t max_chars) {
    const JsonValue* value = require(name);
    return value == nullptr ? std::string() : b64u_of(name, *value, min_chars, max_chars);
}

std::optional<std::string> JsonReader::optional_b64u(std::string_view name, std::size_t min_chars,
                                                     std::size_t max_chars) {
    const JsonValue* value = find(name);
    return value == nullptr ? std::nullopt
                            : std::optional(b64u_of(name, *value, min_chars, max_chars));
}

UnixMillis JsonReader::time_of(std::string_view name, const JsonValue& value) {
    const std::string text = text_of(name, value, kMaxTime);
    const auto time = base::parse_utc(text);
    if (!time.ok() && !failed()) {
        refuse(name, time.error().message);
    }
    return time.ok() ? *time : UnixMillis();
}

UnixMillis JsonReader::time(std::string_view name) {
    const JsonValue* value = require(name);
    return value == nullptr ? UnixMillis() : time_of(name, *value);
}

std::optional<UnixMillis> JsonReader::optional_time(std::string_view name) {
    const JsonValue* value = find(name);
    return value == nullptr ? std::nullopt : std::optional(time_of(name, *value));
}

std::optional<std::string> JsonReader::optional_one_of(
    std::string_view name, std::initializer_list<std::string_view> choices) {
    const JsonValue* value = find(name);
    if (value == nullptr) {
        return std::nullopt;
    }
    const auto* string = value->if_string();
    if (string != nullptr &&
        std::ranges::find(choices, std::string_view(*string)) != choices.end()) {
        return std::string(*string);
    }
    std::string reason("must be one of:");
    for (const std::string_view choice : choices) {
        reason.append(" ").append(choice);
    }
    refuse(name, reason);
    return std::nullopt;
}

std::int64_t JsonReader::integer(std::string_view name, std::int64_t min, std::int64_t max) {
    const JsonValue* value = require(name);
    if (value == nullptr) {
        return 0;
    }
    const double* number = value->if_double();
    const bool whole = number != nullptr && std::trunc(*number) == *number;
    if (!whole || *number < static_cast<double>(min) || *number > static_cast<double>(max)) {
        refuse(name,
               "must be an integer from " + std::to_string(min) + " to " + std::to_string(max));
        return 0;
    }
    return static_cast<std::int64_t>(*number);
}

std::optional<double> JsonReader::optional_number(std::string_view name, double min, double max) {
    const JsonValue* value = find(name);
    if (value == nullptr) {
        return std::nullopt;
    }
    const double* number = value->if_double();
    if (number == nullptr || *number < min || *number > max) {
        std::string reason("must be a number from ");
        append_json_number(reason, min);
        append_json_number(reason.append(" to "), max);
        refuse(name, reason);
        return std::nullopt;
    }
    return *number;
}

std::vector<std::string> JsonReader::texts(std::string_view name, std::size_t min_items,
                                           std::size_t max_items, std::size_t max_bytes) {
    const JsonValue* value = require(name);
    const auto* array = value == nullptr ? nullptr : value->if_array();
    if (array == nullptr) {
        refuse(name, "must be an array of strings");
        return {};
    }
    if (array->size() < min_items || array->size() > max_items) {
        refuse(name, bounds("items", min_items, max_items));
        return {};
    }
    std::vector<std::string> texts;
    for (const JsonValue& element : *array) {
        const auto* string = element.if_string();
        if (string == nullptr || string->size() > max_bytes) {
            refuse(std::string(name) + "[" + std::to_string(texts.size()) + "]",
                   "must be a string of at most " + std::to_string(max_bytes) + " bytes");
            return {};
        }
        texts.emplace_back(*string);
    }
    return texts;
}

bool JsonReader::boolean(std::string_view name) {
    const JsonValue* value = require(name);
    if (value == nullptr) {
        return false;
    }
    if (!value->is_bool()) {
        refuse(name, "must be true or false");
        return false;
    }
    return value->get_bool();
}

void JsonReader::constant(std::string_view name, std::string_view expected) {
    if (require(name) != nullptr) {
        optional_constant(name, expected);
    }
}

void JsonReader::optional_constant(std::string_view name, std::string_view expected) {
    const JsonValue* value = find(name);
    if (value != nullptr && (!value->is_string() || value->get_string() != expected)) {
        refuse(name, "must be \"" + std::string(expected) + "\"");
    }
}

const JsonValue* JsonReader::object_of(std::string_view name, const JsonValue* value) {
    if (value != nullptr && !value->is_object()) {
        refuse(name, "must be an object");
        return nullptr;
    }
    return value;
}

const JsonValue* JsonReader::optional_object(std::string_view name) {
    return object_of(name, find(name));
}

const JsonValue* JsonReader::object(std::string_view name) {
    return object_of(name, require(name));
}

const JsonValue* JsonReader::optional_any(std::string_view name) {
    return find(name);
}

Status JsonReader::finish() const {
    if (fault_) {
        return *fault_;
    }
    for (const auto& member : *object_) {
        if (std::ranges::find(asked_, std::string_view(member.key())) == asked_.end()) {
            return under_rule(
                Error::at(member_path(path_, member.key()), "is not a member that belongs here"),
                rule_);
        }
    }
    return Status::done();
}

Status JsonReader::finish_open() const {
    return fault_ ? Status(*fault_) : Status::done();
}

Error under_rule(Error error, std::string_view rule) {
    if (error.rule.empty()) {
        error.rule = rule;
    }
    return error;
}

}  // namespace clawsigner::claw

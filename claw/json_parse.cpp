#include "claw/json.h"
#include "claw/json_names.h"

#include <boost/json/basic_parser_impl.hpp>

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <vector>

namespace clawsigner::claw {
namespace {

namespace json = boost::json;
using Code = json::error_code;

// DBL_MAX has 309 digits before the point.
constexpr std::size_t kMaxIntegerDigits = 310;

bool is_integer_literal(std::string_view literal) {
    return literal.find_first_of(".eE") == std::string_view::npos;
}

/// Correctly rounded, as JavaScript reads it; ±infinity where the literal is out of range.
double number_of(const std::string& literal) {
    double number = 0;
    const auto end = std::from_chars(literal.data(), literal.data() + literal.size(), number);
    if (end.ec == std::errc::result_out_of_range) {
        // from_chars does not say whether the literal was too large or too small; strtod does ("C"
        // locale: the process never sets another).
        return std::strtod(literal.c_str(), nullptr);
    }
    return number;
}

/// Is the double the very integer the literal spells?
bool holds_exactly(double number, std::string_view literal) {
    constexpr double kTwoTo53 = 9007199254740992.0;
    if (std::fabs(number) < kTwoTo53) {
        return true;
    }
    std::array<char, kMaxIntegerDigits + 2> exact{};
    const auto end = std::to_chars(exact.data(), exact.data() + exact.size(), number,
                                   std::chars_format::fixed, 0);
    return literal ==
           std::string_view(exact.data(), static_cast<std::size_t>(end.ptr - exact.data()));
}

/// What boost::json::basic_parser reports, built into a JsonValue. The first refusal stops the
/// parser.
class Builder {
public:
    // NOLINTBEGIN(readability-identifier-naming): basic_parser's names
    static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
    static constexpr std::size_t max_array_size = std::numeric_limits<std::size_t>::max();
    static constexpr std::size_t max_key_size = std::numeric_limits<std::size_t>::max();
    static constexpr std::size_t max_string_size = std::numeric_limits<std::size_t>::max();
    // NOLINTEND(readability-identifier-naming)

    explicit Builder(JsonRules rules) : rules_(rules) {}

    JsonValue take() { return std::move(root_); }
    bool refused() const { return refusal_.code != ErrorCode::unset; }
    const Error& refusal() const { return refusal_; }
    std::string path() const;

    static bool on_document_begin(Code&) { return true; }
    static bool on_document_end(Code&) { return true; }
    bool on_object_begin(Code&) { return open(json::object_kind); }
    bool on_object_end(std::size_t, Code&) { return close(); }
    bool on_array_begin(Code&) { return open(json::array_kind); }
    bool on_array_end(std::size_t, Code&) { return close(); }
    bool on_key_part(json::string_view part, std::size_t, Code&) { return append_part(part); }
    bool on_key(json::string_view part, std::size_t, Code& code);
    bool on_string_part(json::string_view part, std::size_t, Code&) { return append_part(part); }
    bool on_string(json::string_view part, std::size_t, Code&);
    bool on_number_part(json::string_view part, Code&) { return append_part(part); }
    bool on_int64(std::int64_t, json::string_view part, Code& code) {
        return on_number(part, code);
    }
    bool on_uint64(std::uint64_t, json::string_view part, Code& code) {
        return on_number(part, code);
    }
    bool on_double(double, json::string_view part, Code& code) { return on_number(part, code); }
    bool on_bool(bool value, Code&) { return place(value) != nullptr; }
    bool on_null(Code&) { return place(nullptr) != nullptr; }
    static bool on_comment_part(json::string_view, Code&) { return false; }
    static bool on_comment(json::string_view, Code&) { return false; }

private:
    template <class Kind>
    bool open(Kind kind) {
        open_.push_back(place(kind));
        return true;
    }
    bool close() {
        open_.pop_back();
        return true;
    }
    bool append_part(json::string_view part) {
        scratch_.append(part.data(), part.size());
        return true;
    }
    bool on_number(json::string_view part, Code& code);
    bool refuse(std::string_view reason, Code& code);

    /// Puts a new value where the text stands and returns it. A container is filled in place, so
    /// the pointers in open_ stay good: while a container is open, nothing is added to the ones
    /// around it.
    template <class T>
    JsonValue* place(T&& value) {
        if (open_.empty()) {
            root_ = JsonValue(std::forward<T>(value));
            return &root_;
        }
        if (auto* array = open_.back()->if_array()) {
            return &array->emplace_back(std::forward<T>(value));
        }
        auto& object = open_.back()->get_object();
        JsonValue* placed = &object.emplace(key_, std::forward<T>(value)).first->value();
        key_.clear();
        return placed;
    }

    JsonRules rules_;
    JsonValue root_;
    std::vector<JsonValue*> open_;
    std::string key_;      // of the member whose value comes next, else empty
    std::string scratch_;  // the parts so far of a key, string or number
    Error refusal_;
};

std::string Builder::path() const {
    std::string path;
    for (const JsonValue* container : open_) {
        const bool innermost = container == open_.back();
        if (const auto* array = container->if_array()) {
            // The innermost array's element at fault is not in it yet.
            const std::size_t index = innermost ? array->size() : array->size() - 1;
            path.append("[").append(std::to_string(index)).append("]");
            continue;
        }
        const auto& object = container->get_object();
        const std::string_view name =
            innermost ? std::string_view(key_) : std::string_view((object.end() - 1)->key());
        path = name.empty() ? path : member_path(path, name);
    }
    return path;
}

bool Builder::refuse(std::string_view reason, Code& code) {
    refusal_ = Error::at(path(), reason);
    code = json::error::syntax;
    return false;
}

bool Builder::on_key(json::string_view part, std::size_t, Code& code) {
    append_part(part);
    key_.swap(scratch_);
    scratch_.clear();
    if (open_.back()->get_object().contains(key_)) {
        return refuse("stands twice", code);
    }
    if (rules_ == JsonRules::door && array_index(key_)) {
        return refuse("has a name that looks like an array index, which JavaScript would reorder",
                      code);
    }
    return true;
}

bool Builder::on_string(json::string_view part, std::size_t, Code&) {
    if (scratch_.empty()) {
        return place(part) != nullptr;
    }
    append_part(part);
    place(json::string_view(scratch_));
    scratch_.clear();
    return true;
}

bool Builder::on_number(json::string_view part, Code& code) {
    append_part(part);
    const double number = number_of(scratch_);
    if (!std::isfinite(number)) {
        return refuse("is a number too large for a double", code);
    }
    if (rules_ == JsonRules::door && is_integer_literal(scratch_) &&
        !holds_exactly(number, scratch_)) {
        return refuse("is an integer that a double does not hold exactly; send it as a string",
                      code);
    }
    scratch_.clear();
    return place(number) != nullptr;
}

/// Does an escape of a leading surrogate end where the parser stopped? It calls that a mere syntax
/// error.
bool ends_in_leading_surrogate(std::string_view read) {
    constexpr std::size_t kEscape = 6;  // \uD83D
    if (read.size() < kEscape) {
        return false;
    }
    const std::string_view escape = read.substr(read.size() - kEscape);
    return escape.starts_with("\\u") && (escape[2] == 'd' || escape[2] == 'D') &&
           std::string_view("89abAB").find(escape[3]) != std::string_view::npos;
}

std::string_view reason_of(const Code& code, std::string_view read) {
    if (code == json::error::too_deep) {
        return "is nested more than 32 deep";
    }
    if (code == json::error::illegal_leading_surrogate ||
        code == json::error::illegal_trailing_surrogate ||
        code == json::error::expected_utf16_escape || ends_in_leading_surrogate(read)) {
        return "holds half of a surrogate pair";
    }
    if (code == json::error::extra_data) {
        return "has trailing bytes after the JSON value";
    }
    if (code == json::error::incomplete) {
        return "ends before the JSON value does";
    }
    return "is not JSON";
}

Error malformed(const Builder& builder, const Code& code, std::string_view read) {
    Error error = Error::at(builder.path(), reason_of(code, read));
    error.code = ErrorCode::malformed_json;
    error.message.append(" (at byte ").append(std::to_string(read.size())).append(")");
    return error;
}

}  // namespace

std::optional<std::uint32_t> array_index(std::string_view name) noexcept {
    constexpr std::uint32_t kNotAnIndex = std::numeric_limits<std::uint32_t>::max();
    if (name.empty() || (name.size() > 1 && name[0] == '0')) {
        return std::nullopt;
    }
    std::uint32_t value = 0;
    const auto end = std::from_chars(name.data(), name.data() + name.size(), value);
    const bool whole = end.ec == std::errc() && end.ptr == name.data() + name.size();
    return whole && value != kNotAnIndex ? std::optional(value) : std::nullopt;
}

Result<JsonValue> parse_json(std::string_view text, JsonRules rules) {
    json::parse_options options;
    options.max_depth = rules == JsonRules::door ? kMaxJsonDepth : kMaxArtefactDepth;
    json::basic_parser<Builder> parser(options, rules);
    Code code;
    const std::size_t consumed = parser.write_some(false, text.data(), text.size(), code);
    if (parser.handler().refused()) {
        return parser.handler().refusal();
    }
    if (!code && consumed < text.size()) {
        code = json::error::extra_data;
    }
    if (code) {
        return malformed(parser.handler(), code, text.substr(0, consumed));
    }
    return parser.handler().take();
}

}  // namespace clawsigner::claw

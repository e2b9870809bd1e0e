#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "claw/json.h"

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace clawsigner::claw {

/// Reads the members of one object by name and type, so that a parser reads like the schema it
/// enforces:
///
///     JsonReader in(value, "binding");
///     binding.run_id = in.optional_text("run_id", kMaxId);
///     binding.phase = in.optional_one_of("phase", {"planning", "execution"});
///     CHECK_OK(in.finish());
///
/// The first fault is kept and everything after it reads as a default; finish() returns it, and
/// refuses every member that nobody asked for. The value must outlive the reader.
class JsonReader {
public:
    /// `path` is where the object stands in the document ("" for the document itself).
    JsonReader(const JsonValue& value, std::string path);
    /// As above; faults are `rule`'s (static storage).
    JsonReader(const JsonValue& value, std::string path, std::string_view rule);

    /// From here on faults are `rule`'s (static storage), unless they name another.
    void under(std::string_view rule) noexcept { rule_ = rule; }

    bool has(std::string_view name) const;

    /// A string that is not blank (JavaScript's trim leaves something) and has at most `max_bytes`
    /// bytes of UTF-8.
    std::string text(std::string_view name, std::size_t max_bytes);
    std::optional<std::string> optional_text(std::string_view name, std::size_t max_bytes);

    /// Base64url in its one spelling, `min_chars` to `max_chars` characters.
    std::string b64u(std::string_view name, std::size_t min_chars, std::size_t max_chars);
    std::optional<std::string> optional_b64u(std::string_view name, std::size_t min_chars,
                                             std::size_t max_chars);

    std::optional<std::string> optional_one_of(std::string_view name,
                                               std::initializer_list<std::string_view> choices);

    /// As base::parse_utc takes it.
    UnixMillis time(std::string_view name);
    std::optional<UnixMillis> optional_time(std::string_view name);

    /// A number without a fraction, both bounds included. 1.0 and 1e3 are such numbers, as in
    /// JavaScript.
    std::int64_t integer(std::string_view name, std::int64_t min, std::int64_t max);
    std::optional<double> optional_number(std::string_view name, double min, double max);

    bool boolean(std::string_view name);

    /// Must be there and be exactly this string.
    void constant(std::string_view name, std::string_view expected);
    /// May be absent; if present, must be exactly this string.
    void optional_constant(std::string_view name, std::string_view expected);

    /// An array of strings, `min_items` to `max_items` of them, each of at most `max_bytes`.
    std::vector<std::string> texts(std::string_view name, std::size_t min_items,
                                   std::size_t max_items, std::size_t max_bytes);

    /// A member that is an object, or null when it is absent.
    const JsonValue* optional_object(std::string_view name);
    const JsonValue* object(std::string_view name);
    /// A member of any kind, or null when it is absent.
    const JsonValue* optional_any(std::string_view name);

    /// Notes a fault of a member the caller has judged itself.
    void refuse(std::string_view name, std::string_view reason);
    void refuse(Error error);

    bool failed() const noexcept { return fault_.has_value(); }
    const std::string& path() const noexcept { return path_; }

    /// The first fault, else a member that was not asked for, else done.
    Status finish() const;
    /// The first fault, else done: for an object that may have members nobody asked for.
    Status finish_open() const;

private:
    const JsonValue* find(std::string_view name);
    const JsonValue* require(std::string_view name);
    std::string text_of(std::string_view name, const JsonValue& value, std::size_t max_bytes);
    std::string b64u_of(std::string_view name, const JsonValue& value, std::size_t min_chars,
                        std::size_t max_chars);
    UnixMillis time_of(std::string_view name, const JsonValue& value);
    const JsonValue* object_of(std::string_view name, const JsonValue* value);

    const JsonObject* object_ = nullptr;
    std::string path_;
    std::string_view rule_;
    std::vector<std::string_view> asked_;
    std::optional<Error> fault_;
};

/// The error, as `rule`'s (static storage) unless it has one.
Error under_rule(Error error, std::string_view rule);

}  // namespace clawsigner::claw

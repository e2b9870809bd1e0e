#include "policy/allowed_signers.h"

#include "claw/unicode.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

namespace clawsigner::policy {
namespace {

constexpr std::string_view kBlanks = " \t";
constexpr std::size_t kMaxOptionName = 32;

Error refused(std::string_view why) {
    return Error(ErrorCode::invalid_field, std::string(why));
}

void skip_blanks(std::string_view& line) {
    line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
}

/// Takes the next field off the line: blanks end it but in double quotes. Empty at the line's end.
std::string_view next_field(std::string_view& line) {
    skip_blanks(line);
    bool quoted = false;
    const auto* const end = std::ranges::find_if(line, [&](char c) {
        quoted = quoted != (c == '"');
        return !quoted && kBlanks.find(c) != std::string_view::npos;
    });
    const std::string_view field(line.begin(), end);
    line.remove_prefix(field.size());
    return field;
}

Status check_principal(std::string_view name) {
    if (name.find(',') != std::string_view::npos) {
        return refused("has a list of principals; an operator is one person");
    }
    if (name.find_first_of("*?!") != std::string_view::npos) {
        return refused("has a pattern for a principal; an operator is one person");
    }
    if (!is_principal(name)) {
        return refused("has a principal that is not 1 to 128 letters, digits and . _ - + @");
    }
    return Status::done();
}

Result<UnixMillis> parse_time(std::string_view text) {
    if (!text.ends_with('Z')) {
        return refused("has a time that does not end in Z; only UTC is accepted");
    }
    const Error error = refused(
        "has a time that is not YYYYMMDDZ, YYYYMMDDHHMMZ or "
        "YYYYMMDDHHMMSSZ");
    std::string digits(text.substr(0, text.size() - 1));
    if (digits.size() != 8 && digits.size() != 12 && digits.size() != 14) {
        return error;
    }
    digits.append(14 - digits.size(), '0');
    std::string utc(digits, 0, 4);
    for (const auto& [before, at] :
         {std::pair{'-', 4U}, {'-', 6U}, {'T', 8U}, {':', 10U}, {':', 12U}}) {
        utc.append(1, before).append(digits, at, 2);
    }
    const auto time = base::parse_utc(utc.append(".000Z"));
    return time.ok() ? time : error;
}

Result<std::vector<std::string>> parse_namespaces(std::string_view list) {
    std::vector<std::string> names;
    for (;;) {
        const std::size_t comma = list.find(',');
        const std::string_view name = list.substr(0, comma);
        if (name.find_first_of("*?!") != std::string_view::npos) {
            return refused("has a pattern for a namespace; only exact names are accepted");
        }
        if (!is_namespace(name) || names.size() == kMaxNamespaces) {
            return refused("has a namespace that is no plain name, or more than 16 of them");
        }
        names.emplace_back(name);
        if (comma == std::string_view::npos) {
            return names;
        }
        list.remove_prefix(comma + 1);
    }
}

/// NAME, or NAME="VALUE".
struct Option {
    std::string_view name;
    std::optional<std::string_view> value;
};

/// Takes the next option off `text`, and the comma behind it.
Result<Option> next_option(std::string_view& text) {
    const std::size_t end = std::min(text.find_first_of("=,"), text.size());
    Option option{text.substr(0, end), std::nullopt};
    text.remove_prefix(end);
    if (text.starts_with('=')) {
        const std::size_t close = text.find('"', 2);
        if (!text.starts_with("=\"") || close == std::string_view::npos) {
            return refused("has an option whose value does not stand in double quotes");
        }
        option.value = text.substr(2, close - 2);
        text.remove_prefix(close + 1);
    }
    if (text.empty()) {
        return option;
    }
    if (!text.starts_with(',') || text.size() == 1) {
        return refused("has options with something other than one comma between them");
    }
    text.remove_prefix(1);
    return option;
}

/// What the options of a line say.
struct Options {
    std::optional<UnixMillis> valid_after;
    std::optional<UnixMillis> valid_before;
    std::vector<std::string> namespaces;
};

Error unknown_option(std::string_view name) {
    const auto is_of_a_name = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
    };
    const bool shown =
        !name.empty() && name.size() <= kMaxOptionName && std::ranges::all_of(name, is_of_a_name);
    std::string why("has ");
    why.append(shown ? std::string("the option ").append(name) : "something as an option");
    return refused(why.append("; only namespaces, valid-after and valid-before are accepted"));
}

Status take(const Option& option, Options& options) {
    const bool known = option.name == "namespaces" || option.name == "valid-after" ||
                       option.name == "valid-before";
    if (!known) {
        return unknown_option(option.name);
    }
    if (!option.value) {
        return refused("has an option without its value");
    }
    if (option.name == "namespaces") {
        if (!options.namespaces.empty()) {
            return refused("has an option twice");
        }
        TRY(options.namespaces, parse_namespaces(*option.value));
        return Status::done();
    }
    auto& time = option.name == "valid-after" ? options.valid_after : options.valid_before;
    if (time) {
        return refused("has an option twice");
    }
    TRY(time, parse_time(*option.value));
    return Status::done();
}

Result<Options> parse_options(std::string_view text) {
    Options options;
    do {
        TRY(const Option option, next_option(text));
        CHECK_OK(take(option, options));
    } while (!text.empty());
    return options;
}

/// No option begins as the names of SSH's key types do.
bool is_key_type(std::string_view field) {
    constexpr std::array<std::string_view, 3> kStarts{"ssh-", "ecdsa-", "sk-"};
    return std::ranges::any_of(kStarts,
                               [&](std::string_view start) { return field.starts_with(start); });
}

Result<Operator> parse_line(std::string_view line) {
    const std::string_view principal = next_field(line);
    CHECK_OK(check_principal(principal));
    std::string_view type = next_field(line);
    Options options;
    if (!type.empty() && !is_key_type(type)) {
        TRY(options, parse_options(type));
        type = next_field(line);
    }
    const std::string_view base64 = next_field(line);
    if (base64.empty()) {
        return refused("has no key");
    }
    TRY(crypto::SshPublicKey key,
        crypto::SshPublicKey::parse(std::string(type).append(" ").append(base64)));
    return Operator{std::string(principal), std::move(key), options.valid_after,
                    options.valid_before, std::move(options.namespaces)};
}

/// The line without its end; nothing but UTF-8 that can be seen, and tabs.
bool is_readable(std::string_view line) {
    std::string text(line);
    std::ranges::replace(text, '\t', ' ');
    return claw::is_printable_utf8(text);
}

Status add_line(std::string_view line, std::vector<Operator>& people) {
    if (!is_readable(line)) {
        return refused("is not UTF-8, or has control characters");
    }
    skip_blanks(line);
    if (line.empty() || line.starts_with('#')) {
        return Status::done();
    }
    TRY(Operator person, parse_line(line));
    CHECK_OK(may_join(people, person));
    people.push_back(std::move(person));
    return Status::done();
}

}  // namespace

Result<std::vector<Operator>> parse_allowed_signers(std::string_view text) {
    if (text.size() > kMaxAllowedSigners) {
        return refused("is longer than 16384 bytes");
    }
    std::vector<Operator> people;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        if (const Status added = add_line(text.substr(0, end), people); !added.ok()) {
            return refused("line " + std::to_string(number) + " " + added.error().message);
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return people;
}

}  // namespace clawsigner::policy

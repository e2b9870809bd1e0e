#include "cli/output.h"

#include "base/clock.h"
#include "claw/json_writer.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace clawsigner::cli {
namespace {

int exit_code(ErrorCode code) {
    if (code == ErrorCode::unreachable) {
        return kUnreachable;
    }
    return code == ErrorCode::config_invalid || code == ErrorCode::io_failed ? kUsage : kRefused;
}

/// How many columns a UTF-8 text takes, for texts of one-column characters.
std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(std::ranges::count_if(
        text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

struct Character {
    char32_t point;
    std::size_t size;  // bytes
};

/// Of valid UTF-8; a byte that is not is a character by itself.
Character first_character(std::string_view utf8) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(utf8[i]); };
    if (byte(0) >= 0xC2 && byte(0) < 0xE0 && utf8.size() >= 2) {
        return {((byte(0) & 0x1FU) << 6U) | (byte(1) & 0x3FU), 2};
    }
    if (byte(0) >= 0xE0 && byte(0) < 0xF0 && utf8.size() >= 3) {
        return {((byte(0) & 0x0FU) << 12U) | ((byte(1) & 0x3FU) << 6U) | (byte(2) & 0x3FU), 3};
    }
    if (byte(0) >= 0xF0 && byte(0) < 0xF5 && utf8.size() >= 4) {
        return {0x10000, 4};  // which of them does not matter here: none steers
    }
    return {byte(0), 1};
}

/// C0, DEL and C1 controls; marks, embeddings, overrides and isolates of direction; line and
/// paragraph separators; the byte order mark.
bool steers(char32_t point) {
    return point < 0x20 || (point >= 0x7F && point < 0xA0) || point == 0x61C ||
           (point >= 0x200E && point <= 0x200F) || (point >= 0x2028 && point <= 0x202E) ||
           (point >= 0x2066 && point <= 0x2069) || point == 0xFEFF;
}

}  // namespace

std::string printable(std::string_view utf8) {
    std::string out;
    while (!utf8.empty()) {
        const auto [point, size] = first_character(utf8);
        if (steers(point)) {
            std::array<char, 8> escape{};
            std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(point));
            out.append(escape.data());
        } else {
            out.append(utf8.substr(0, size));
        }
        utf8.remove_prefix(size);
    }
    return out;
}

int report(const Error& error, bool json) {
    const std::string code(wire_name(error.code));
    if (json) {
        claw::JsonWriter inner;
        inner.text("code", code);
        if (!error.field.empty()) {
            inner.text("field", error.field);
        }
        const std::string object = inner.text("message", error.message).done();
        std::printf("%s\n", claw::JsonWriter().raw("error", object).done().c_str());
    } else {
        std::fprintf(stderr, "clawsigner: %s: %s\n", code.c_str(),
                     printable(error.message).c_str());
    }
    return exit_code(error.code);
}

std::string table(const std::vector<std::vector<std::string>>& cells) {
    auto rows = cells;
    std::vector<std::size_t> widths;
    for (auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) {
            row[i] = printable(row[i]);
            widths[i] = std::max(widths[i], width(row[i]));
        }
    }
    std::string text;
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            const std::size_t padding = i + 1 < row.size() ? widths[i] - width(row[i]) + 2 : 0;
            text.append(row[i]).append(padding, ' ');
        }
        text.push_back('\n');
    }
    return text;
}

std::string cell(const claw::JsonObject& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    if (value == nullptr) {
        return "-";
    }
    return value->is_string() ? std::string(value->get_string()) : claw::json_text(*value);
}

std::string span_text(std::chrono::seconds span) {
    const auto seconds = span.count();
    if (seconds < 120) {
        return std::to_string(seconds) + " s";
    }
    if (seconds < 7200) {
        return std::to_string(seconds / 60) + " min";
    }
    return seconds < 172'800 ? std::to_string(seconds / 3600) + " h"
                             : std::to_string(seconds / 86'400) + " d";
}

std::string ago(std::string_view utc) {
    const auto time = base::parse_utc(utc);
    if (!time.ok()) {
        return std::string(utc);
    }
    const auto past =
        std::chrono::duration_cast<std::chrono::seconds>(base::SystemClock().now() - *time);
    return past.count() < 0 ? "in " + span_text(-past) : span_text(past) + " ago";
}

}  // namespace clawsigner::cli

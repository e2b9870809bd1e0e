#include "pkcs11/uri.h"

#include <charconv>

namespace clawsigner::pkcs11 {
namespace {

constexpr std::string_view kScheme = "pkcs11:";

Error refused(std::string_view why) {
    return {ErrorCode::config_invalid, "not a token's PKCS#11 URI: " + std::string(why)};
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// RFC 7512 pk11-pchar: unreserved, pct-encoded, and a handful of punctuation.
bool is_plain(char c) {
    const bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    const bool digit = c >= '0' && c <= '9';
    return letter || digit ||
           std::string_view("-._~:[]@!$'()*+,=&").find(c) != std::string_view::npos;
}

Result<std::string> percent_decoded(std::string_view text) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (is_plain(text[i])) {
            decoded.push_back(text[i]);
            continue;
        }
        const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
        const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
        if (text[i] != '%' || high < 0 || low < 0) {
            return refused("write '" + std::string(1, text[i]) + "' percent-encoded");
        }
        decoded.push_back(static_cast<char>(high * 16 + low));
        i += 2;
    }
    return decoded;
}

Status set_once(std::optional<std::string>& member, std::string_view name, std::string value) {
    if (member) {
        return refused(std::string(name) + " stands twice");
    }
    if (value.empty()) {
        return refused(std::string(name) + " is empty");
    }
    member = std::move(value);
    return Status::done();
}

Status set_slot_id(TokenUri& uri, const std::string& value) {
    unsigned long id = 0;
    const auto end = std::from_chars(value.data(), value.data() + value.size(), id);
    if (uri.slot_id || end.ec != std::errc() || end.ptr != value.data() + value.size()) {
        return refused("slot-id must be one decimal number");
    }
    uri.slot_id = id;
    return Status::done();
}

Status set_attribute(TokenUri& uri, std::string_view name, std::string value) {
    if (name == "token") {
        return set_once(uri.token, name, std::move(value));
    }
    if (name == "manufacturer") {
        return set_once(uri.manufacturer, name, std::move(value));
    }
    if (name == "model") {
        return set_once(uri.model, name, std::move(value));
    }
    if (name == "serial") {
        return set_once(uri.serial, name, std::move(value));
    }
    if (name == "slot-id") {
        return set_slot_id(uri, value);
    }
    if (name == "object" || name == "type" || name == "id") {
        return refused(std::string(name) + " names a key; clawsigner finds its keys by itself");
    }
    return refused("unknown attribute " + std::string(name));
}

bool agrees(const std::optional<std::string>& wanted, const std::string& found) {
    return !wanted || *wanted == found;
}

}  // namespace

Result<TokenUri> parse_token_uri(std::string_view text) {
    if (!text.starts_with(kScheme)) {
        return refused("it must begin with pkcs11:");
    }
    if (text.find('?') != std::string_view::npos) {
        return refused("give the module and the PIN by their own settings, not behind '?'");
    }
    TokenUri uri;
    std::string_view rest = text.substr(kScheme.size());
    while (!rest.empty()) {
        const std::size_t end = rest.find(';');
        const std::string_view attribute = rest.substr(0, end);
        rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
        const std::size_t equals = attribute.find('=');
        if (equals == std::string_view::npos) {
            return refused("attributes are written name=value and parted by ';'");
        }
        TRY(std::string value, percent_decoded(attribute.substr(equals + 1)));
        CHECK_OK(set_attribute(uri, attribute.substr(0, equals), std::move(value)));
        if (end != std::string_view::npos && rest.empty()) {
            return refused("it ends with ';'");
        }
    }
    if (!uri.token && !uri.manufacturer && !uri.model && !uri.serial && !uri.slot_id) {
        return refused("it names no token; say token=LABEL or serial=NUMBER");
    }
    return uri;
}

bool matches(const TokenUri& uri, const TokenDescription& token) noexcept {
    return agrees(uri.token, token.label) && agrees(uri.manufacturer, token.manufacturer) &&
           agrees(uri.model, token.model) && agrees(uri.serial, token.serial) &&
           (!uri.slot_id || *uri.slot_id == token.slot_id);
}

}  // namespace clawsigner::pkcs11

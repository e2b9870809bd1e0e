#pragma once

#include "base/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace clawsigner::pkcs11 {

/// The part of an RFC 7512 PKCS#11 URI that names a token. What is absent matches anything.
struct TokenUri {
    std::optional<std::string> token;  // its label
    std::optional<std::string> manufacturer;
    std::optional<std::string> model;
    std::optional<std::string> serial;
    std::optional<unsigned long> slot_id;
};

/// What a present token says of itself, without the padding Cryptoki puts behind.
struct TokenDescription {
    std::string label;
    std::string manufacturer;
    std::string model;
    std::string serial;
    unsigned long slot_id = 0;
};

/// Accepts "pkcs11:" and path attributes that name a token: token, manufacturer, model, serial,
/// slot-id; at least one, none twice, percent-encoded. Refuses attributes that name an object, and
/// every query attribute: the module and the PIN have settings of their own, and a PIN does not
/// belong in a URI. Error: config_invalid.
Result<TokenUri> parse_token_uri(std::string_view text);

bool matches(const TokenUri& uri, const TokenDescription& token) noexcept;

}  // namespace clawsigner::pkcs11

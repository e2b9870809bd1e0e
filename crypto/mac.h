#pragma once

#include "base/encoding.h"
#include "base/result.h"
#include "base/secret.h"
#include "crypto/digest.h"

#include <cstddef>

namespace clawsigner::crypto {

/// A key that says of a text: I have seen you. HMAC-SHA-256 (RFC 2104, FIPS 198-1). Thread-safe.
class MacKey {
public:
    static constexpr std::size_t kSize = 32;

    /// Error: internal, as fill_random; io_failed, when there is no memory for secrets.
    static Result<MacKey> random();
    /// Error: invalid_field without a field name, unless it is the 43 characters that text() gives.
    static Result<MacKey> parse(ByteView text);

    /// Base64url, for a file that only the process can read.
    Result<Secret> text() const;

    Sha256 mac(ByteView message) const noexcept;
    /// In a time that does not depend on where they differ.
    bool verifies(ByteView message, ByteView mac) const noexcept;

private:
    explicit MacKey(Secret key) : key_(std::move(key)) {}

    Secret key_;
};

}  // namespace clawsigner::crypto

#pragma once

#include "base/encoding.h"
#include "base/result.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace clawsigner::tpm {

/// What a TPM gives out of a key for its owner to keep: nothing that another TPM can use.
struct KeyFile {
    enum class Kind : std::uint8_t {
        loadable,  // a key, 2.23.133.10.1.3
        sealed,    // data, 2.23.133.10.1.5
    };
    Kind kind = Kind::loadable;
    std::uint32_t parent = 0;  // its persistent handle
    Bytes public_area;         // TPM2B_PUBLIC, marshalled
    Bytes private_area;        // TPM2B_PRIVATE, marshalled

    friend bool operator==(const KeyFile&, const KeyFile&) = default;
};

inline constexpr std::size_t kMaxKeyFile = 8192;

/// PEM "TSS2 PRIVATE KEY" (draft-bottomley-tpm2-keys, "ASN.1 Specification for TPM 2.0 Key Files"),
/// with the members type, emptyAuth (false), parent, pubkey and privkey. tpm2-openssl
/// loads it.
std::string key_file_text(const KeyFile& key);

/// Accepts exactly what key_file_text gives. Error: invalid_field without a field name.
Result<KeyFile> parse_key_file(std::string_view text);

}  // namespace clawsigner::tpm

#pragma once

#include "base/encoding.h"
#include "base/result.h"

#include <cstddef>
#include <span>
#include <string>

namespace clawsigner::crypto {

/// Fills `bytes` from OpenSSL's CSPRNG. Error: internal, when it is not seeded. Any thread.
Status fill_random(std::span<std::uint8_t> bytes);

/// RFC 9562 version 4, lower case with hyphens. Error: as fill_random.
Result<std::string> uuid_v4();

}  // namespace clawsigner::crypto

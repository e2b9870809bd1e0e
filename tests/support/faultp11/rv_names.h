#pragma once

#include <p11-kit/pkcs11.h>

#include <optional>
#include <string_view>

namespace faultp11 {

/// "CKR_DEVICE_REMOVED" as a number.
std::optional<CK_RV> rv_named(std::string_view name);

}  // namespace faultp11

#pragma once

#include "base/result.h"

#include <p11-kit/pkcs11.h>

#include <string_view>

namespace clawsigner::pkcs11 {

/// "CKR_DEVICE_REMOVED", or "CKR_0x…" written out for what the standard does not name.
std::string rv_name(CK_RV rv);

/// The one place where a CK_RV becomes an Error. `call` has static storage ("C_Sign").
Error error_from(std::string_view call, CK_RV rv);

/// As error_from, or done for CKR_OK.
Status check(std::string_view call, CK_RV rv);

}  // namespace clawsigner::pkcs11

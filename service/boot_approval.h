#pragma once

#include "base/encoding.h"
#include "base/result.h"
#include "claw/json_reader.h"
#include "hsm/boot_states.h"

#include <map>
#include <string>
#include <string_view>

/// Letting the keys of a store be used in one more state of the machine's boot.
namespace clawsigner::service {

struct BootApprovalTerms {
    std::string backend;  // its name in the configuration
    Bytes state;          // SHA-256 over the values of the store's PCRs
};

/// The stores that ask for approved states, by name. They outlive whoever holds it.
using BootStores = std::map<std::string, hsm::BootStates*>;

/// Canonical JSON: {"backend":…,"state":…}, the state in hex.
std::string boot_approval_text(const BootApprovalTerms& terms);
/// Errors: malformed_json, invalid_field.
Result<BootApprovalTerms> parse_boot_approval(std::string_view text);
/// The same members of an object that may have others; faults are the reader's.
BootApprovalTerms read_boot_approval(claw::JsonReader& in);

/// Errors: invalid_field of `backend`, where it is none of the stores.
Result<hsm::BootStates*> boot_store(const BootStores& stores, const BootApprovalTerms& terms);

}  // namespace clawsigner::service

#pragma once

#include "base/result.h"
#include "claw/key_record.h"
#include "claw/log_state.h"
#include "hsm/key.h"

#include <map>
#include <memory>
#include <optional>
#include <string>

namespace clawsigner::service {

using Families = std::map<crypto::Family, claw::FamilyKeys>;

/// What an act sets: rows by name, nothing where a row goes.
using RowSet = std::map<std::string, std::optional<std::string>>;

/// The families' keys as the state's rows say. Errors: as claw::parse_key_record; invalid_field,
/// when a family has two active keys.
Result<Families> families_of(const claw::Settings& rows);

/// The rows that make `before` into `after`: records, which key signs, which family is frozen.
RowSet rows_between(const Families& before, const Families& after);

/// What an act on a key names as its subject: "gateway_receipt/2".
std::string key_subject(const hsm::KeyName& key);
hsm::KeyName key_name(const claw::KeyRecord& record);

/// A family whose store was looked through once for keys that were there before the log began.
std::string seeded_row_name(crypto::Family family);
/// A key is being made for this family; the row's value is its version.
std::string making_row_name(crypto::Family family);
/// This key is being destroyed; the row says on whose word (service/intent.h).
std::string ending_row_name(crypto::Family family, std::uint32_t version);
/// The rotation certificate from this version's predecessor to it.
std::string certificate_row_name(crypto::Family family, std::uint32_t version);

}  // namespace clawsigner::service

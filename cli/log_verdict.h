#pragma once

#include "base/result.h"
#include "claw/inclusion.h"
#include "claw/json_writer.h"
#include "claw/note_key.h"

#include <filesystem>
#include <optional>
#include <span>
#include <string>

namespace clawsigner::cli {

/// The log that a verification trusts, and the proof of inclusion that came with the artefact; both
/// are set, or none.
struct LogTrust {
    std::filesystem::path proof_file;
    std::string log_key;  // the verifier key, or the file that holds it

    bool asked() const noexcept { return !log_key.empty(); }
};

/// The C2SP verifier key itself, or a file of one. Errors: config_invalid; io_failed.
Result<claw::NoteKey> log_key_of(const std::string& key_or_file);

/// Is one of these artefacts in the log? Nothing when that was not asked. Errors: config_invalid,
/// io_failed; as claw::parse_proof and claw::check_included.
std::optional<Result<claw::Inclusion>> check_log(const LogTrust& trust,
                                                 std::span<const claw::Recorded> artefacts);

/// "log: included, leaf 7 of 12", with the log's origin below, or "log: invalid: PROOF_INVALID: …".
void print_log(const Result<claw::Inclusion>& inclusion);
/// The same as the member "log".
void print_log(claw::JsonWriter& out, const Result<claw::Inclusion>& inclusion);

}  // namespace clawsigner::cli

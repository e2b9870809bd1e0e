#include "cli/log_verdict.h"

#include "base/file.h"
#include "cli/output.h"

#include <cstdio>

namespace clawsigner::cli {
namespace {

constexpr std::size_t kMaxKeyFile = 4096;

std::string_view line_of(std::string_view text) {
    while (text.ends_with('\n') || text.ends_with('\r')) {
        text.remove_suffix(1);
    }
    return text;
}

Result<claw::Inclusion> included(const LogTrust& trust, std::span<const claw::Recorded> artefacts) {
    TRY(const auto key, log_key_of(trust.log_key));
    TRY(const std::string text, base::read_file(trust.proof_file, claw::kMaxProofBytes));
    auto proof = claw::parse_proof(text);
    if (!proof.ok()) {
        return Error(ErrorCode::proof_invalid, "the proof " + proof.error().message);
    }
    return claw::check_included(*proof, artefacts, key);
}

}  // namespace

Result<claw::NoteKey> log_key_of(const std::string& key_or_file) {
    auto key = claw::NoteKey::parse(key_or_file);
    if (key.ok()) {
        return key;
    }
    const auto text = base::read_file(key_or_file, kMaxKeyFile);
    if (!text.ok()) {
        return Error(ErrorCode::config_invalid,
                     "--log-key is no verifier key, and no file of one: " + text.error().message);
    }
    key = claw::NoteKey::parse(line_of(*text));
    return key.ok() ? key
                    : Error(ErrorCode::config_invalid, key_or_file + " " + key.error().message);
}

std::optional<Result<claw::Inclusion>> check_log(const LogTrust& trust,
                                                 std::span<const claw::Recorded> artefacts) {
    return trust.asked() ? std::optional(included(trust, artefacts)) : std::nullopt;
}

void print_log(const Result<claw::Inclusion>& inclusion) {
    if (!inclusion.ok()) {
        std::printf("log: invalid: %s: %s\n",
                    std::string(wire_name(inclusion.error().code)).c_str(),
                    printable(inclusion.error().message).c_str());
        return;
    }
    std::printf(
        "log: included, leaf %llu of %llu\n%s", static_cast<unsigned long long>(inclusion->leaf),
        static_cast<unsigned long long>(inclusion->checkpoint.size),
        table({{"  artefact", inclusion->artefact}, {"  origin", inclusion->checkpoint.origin}})
            .c_str());
}

void print_log(claw::JsonWriter& out, const Result<claw::Inclusion>& inclusion) {
    claw::JsonWriter log;
    log.boolean("included", inclusion.ok());
    if (inclusion.ok()) {
        log.integer("leaf", static_cast<std::int64_t>(inclusion->leaf))
            .integer("size", static_cast<std::int64_t>(inclusion->checkpoint.size))
            .text("origin", inclusion->checkpoint.origin)
            .text("artefact", inclusion->artefact);
    } else {
        log.text("code", wire_name(inclusion.error().code))
            .text("message", inclusion.error().message);
    }
    out.raw("log", log.done());
}

}  // namespace clawsigner::cli

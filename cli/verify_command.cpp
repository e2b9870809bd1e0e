#include "cli/verify_command.h"

#include "base/file.h"
#include "claw/json_writer.h"
#include "claw/jwks.h"
#include "claw/receipt_verify.h"
#include "claw/token_verify.h"
#include "cli/output.h"
#include "crypto/key_forms.h"

#include <cstdio>
#include <vector>

namespace clawsigner::cli {
namespace {

constexpr std::size_t kMaxFile = 1U << 20U;

using Keys = std::vector<crypto::PublicKey>;

Result<Keys> trusted_keys(const Trust& trust) {
    if (!trust.signer_did.empty()) {
        auto key = crypto::public_key_from_did(trust.signer_did);
        if (!key.ok()) {
            return Error(ErrorCode::config_invalid, "--signer " + key.error().message);
        }
        return Keys{*key};
    }
    TRY(const std::string text, base::read_file(trust.jwks_file, kMaxFile));
    auto keys = claw::parse_jwks(text);
    if (!keys.ok()) {
        return Error(ErrorCode::config_invalid,
                     trust.jwks_file.string() + ": " + keys.error().message);
    }
    return keys;
}

void print_valid(const claw::ReceiptSummary& summary) {
    std::printf("receipt: valid\n%s",
                table({{"  id", summary.receipt_id},
                       {"  provider", summary.provider},
                       {"  model", summary.model},
                       {"  time", summary.timestamp},
                       {"  signer", summary.signer_did},
                       {"  algorithm", summary.algorithm},
                       {"  legacy receipt", summary.with_legacy ? "valid" : "none"}})
                    .c_str());
}

/// Of the log, when it was asked.
using InLog = std::optional<Result<claw::Inclusion>>;

void print_json(const claw::ReceiptVerdict& result, const InLog& in_log) {
    claw::JsonWriter out;
    out.boolean("valid", result.verdict.valid()).text("code", verdict_name(result.verdict.code));
    if (result.summary) {
        out.text("receipt_id", result.summary->receipt_id)
            .text("provider", result.summary->provider)
            .text("model", result.summary->model)
            .text("timestamp", result.summary->timestamp)
            .text("signer_did", result.summary->signer_did)
            .text("algorithm", result.summary->algorithm)
            .boolean("legacy", result.summary->with_legacy);
    } else {
        out.text("message", result.verdict.message);
    }
    if (in_log) {
        print_log(out, *in_log);
    }
    std::printf("%s\n", printable(out.done()).c_str());
}

std::string joined(const std::vector<std::string>& texts) {
    std::string out;
    for (const std::string& text : texts) {
        out.append(out.empty() ? "" : ", ").append(text);
    }
    return out;
}

std::string utc(std::int64_t unix_seconds) {
    return base::format_utc(UnixMillis(std::chrono::seconds(unix_seconds)));
}

void print_valid(const claw::TokenVerdict& result, const claw::Token& token) {
    const claw::TokenGrant& grant = token.grant;
    std::vector<std::vector<std::string>> rows{
        {"  subject", grant.sub},
        {"  audience", joined(grant.aud)},
        {"  scope", joined(grant.scope)},
        {"  issued", utc(token.iat)},
        {"  expires", utc(token.exp)},
        {"  lane", std::string(lane_name(grant.lane))},
        {"  kid", result.kid},
        {"  token hash", claw::token_hash(result.text)},
        {"  scope hash", token_scope_hash(grant)},
    };
    if (grant.policy_hash_b64u) {
        rows.push_back({"  policy", *grant.policy_hash_b64u});
    }
    std::printf("token: valid\n%s", table(rows).c_str());
}

void print_json(const claw::TokenVerdict& result, const InLog& in_log) {
    claw::JsonWriter out;
    out.boolean("valid", result.verdict.valid()).text("code", verdict_name(result.verdict.code));
    if (result.token) {
        out.text("sub", result.token->grant.sub)
            .integer("exp", result.token->exp)
            .text("token_lane", lane_name(result.token->grant.lane))
            .text("kid", result.kid)
            .text("token_hash", claw::token_hash(result.text))
            .text("token_scope_hash_b64u", token_scope_hash(result.token->grant));
    } else {
        out.text("message", result.verdict.message);
    }
    if (in_log) {
        print_log(out, *in_log);
    }
    std::printf("%s\n", printable(out.done()).c_str());
}

Result<claw::TokenTrust> token_trust(const Trust& trust, const TokenTerms& terms) {
    claw::TokenTrust held;
    TRY(held.keys, trusted_keys(trust));
    held.at = base::SystemClock().now();
    if (!terms.at.empty()) {
        const auto at = base::parse_utc(terms.at);
        if (!at.ok()) {
            return Error(ErrorCode::config_invalid, "--at " + at.error().message);
        }
        held.at = *at;
    }
    if (!terms.audience.empty()) {
        held.audience = terms.audience;
    }
    return held;
}

/// Prints what is wrong with an artefact, or leaves a good one to its own printer; the exit code.
int conclude(std::string_view artefact, const claw::Verdict& verdict, const InLog& in_log,
             bool json) {
    if (!json && !verdict.valid()) {
        std::printf("%s: invalid: %s: %s\n", std::string(artefact).c_str(),
                    std::string(verdict_name(verdict.code)).c_str(),
                    printable(verdict.message).c_str());
    }
    if (!json && in_log) {
        print_log(*in_log);
    }
    return verdict.valid() && (!in_log || in_log->ok()) ? kGood : kRefused;
}

/// Why the log could not be asked, which is not its saying no; null when it was, or need not be.
const Error* usage_error(const InLog& in_log) {
    if (!in_log || in_log->ok()) {
        return nullptr;
    }
    const Error& error = in_log->error();
    const bool is_usage =
        error.code == ErrorCode::config_invalid || error.code == ErrorCode::io_failed;
    return is_usage ? &error : nullptr;
}

}  // namespace

int verify_receipt(const std::filesystem::path& file, const Trust& trust, const LogTrust& log,
                   bool json) {
    const auto keys = trusted_keys(trust);
    if (!keys.ok()) {
        return report(keys.error(), json);
    }
    const auto text = base::read_file(file, kMaxFile);
    if (!text.ok()) {
        return report(text.error(), json);
    }
    const auto result = claw::verify_receipt(*text, *keys);
    const InLog in_log = result.summary ? check_log(log, result.recorded) : std::nullopt;
    if (const Error* error = usage_error(in_log)) {
        return report(*error, json);
    }
    if (json) {
        print_json(result, in_log);
    } else if (result.summary) {
        print_valid(*result.summary);
    }
    return conclude("receipt", result.verdict, in_log, json);
}

int verify_token(const std::filesystem::path& file, const Trust& trust, const TokenTerms& terms,
                 const LogTrust& log, bool json) {
    const auto held = token_trust(trust, terms);
    if (!held.ok()) {
        return report(held.error(), json);
    }
    const auto text = base::read_file(file, kMaxFile);
    if (!text.ok()) {
        return report(text.error(), json);
    }
    const auto result = claw::verify_token(*text, *held);
    const auto recorded = recorded_of(result);
    const InLog in_log = recorded ? check_log(log, {&*recorded, 1}) : std::nullopt;
    if (const Error* error = usage_error(in_log)) {
        return report(*error, json);
    }
    if (json) {
        print_json(result, in_log);
    } else if (result.token) {
        print_valid(result, *result.token);
    }
    return conclude("token", result.verdict, in_log, json);
}

}  // namespace clawsigner::cli

#include "cli/verify_command.h"

#include "base/file.h"
#include "claw/json_writer.h"
#include "claw/jwks.h"
#include "claw/receipt_verify.h"
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

void print_json(const claw::ReceiptVerdict& result) {
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
    std::printf("%s\n", printable(out.done()).c_str());
}

}  // namespace

int verify_receipt(const std::filesystem::path& file, const Trust& trust, bool json) {
    const auto keys = trusted_keys(trust);
    if (!keys.ok()) {
        return report(keys.error(), json);
    }
    const auto text = base::read_file(file, kMaxFile);
    if (!text.ok()) {
        return report(text.error(), json);
    }
    const auto result = claw::verify_receipt(*text, *keys);
    if (json) {
        print_json(result);
    } else if (result.summary) {
        print_valid(*result.summary);
    } else {
        std::printf("receipt: invalid: %s: %s\n",
                    std::string(verdict_name(result.verdict.code)).c_str(),
                    printable(result.verdict.message).c_str());
    }
    return result.verdict.valid() ? kGood : kRefused;
}

}  // namespace clawsigner::cli

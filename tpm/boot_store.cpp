#include "tpm/boot_store.h"

#include "base/encoding.h"
#include "base/file.h"

#include <algorithm>
#include <string>

namespace clawsigner::tpm {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEnding = ".approval";
constexpr std::size_t kMaxApproval = 256;
constexpr std::size_t kMostApprovals = 1024;
constexpr mode_t kSecretMode = 0400;
constexpr mode_t kFileMode = 0600;

std::string without_newline(std::string text) {
    if (!text.empty() && text.back() == '\n') {
        text.pop_back();
    }
    return text;
}

Error damaged() {
    return {ErrorCode::key_quarantined, "the files of who approves of boot states are damaged"};
}

/// "STATE.approval", 64 hex digits, with the signature in base64url.
Result<BootApproval> read_approval(const fs::path& path) {
    BootApproval approval;
    TRY(approval.state, base::hex_decode(path.stem().string()));
    TRY(const auto text, base::read_own_file(path, kMaxApproval));
    TRY(const Bytes signature, base::base64url_decode(without_newline(text.value_or(""))));
    if (signature.size() != approval.signature.size()) {
        return damaged();
    }
    std::ranges::copy(signature, approval.signature.begin());
    return approval;
}

}  // namespace

Result<std::optional<Approver>> BootStore::approver() const {
    TRY(const auto point, base::read_own_file(directory_ / "approver.pub", kMaxApproval));
    if (!point) {
        return std::optional<Approver>();
    }
    TRY(const auto text, base::read_own_file(directory_ / "approver.pem", kMaxKeyFile));
    const auto raw = base::hex_decode(without_newline(*point));
    const auto file = parse_key_file(text.value_or(""));
    auto auth = base::read_secret_file(directory_ / "approver.auth");
    if (!raw.ok() || !file.ok() || !auth.ok()) {
        return damaged();
    }
    const auto public_key = crypto::PublicKey::p256(*raw);
    if (!public_key.ok()) {
        return damaged();
    }
    return std::optional(
        Approver{*file, std::make_shared<const Secret>(std::move(auth).value()), *public_key});
}

Status BootStore::keep(const Approver& approver) const {
    CHECK_OK(base::make_directories_durably(directory_));
    CHECK_OK(base::write_file_durably(directory_ / "approver.auth", approver.auth->expose_c_str(),
                                      kSecretMode));
    CHECK_OK(base::write_file_durably(directory_ / "approver.pem", key_file_text(approver.file),
                                      kFileMode));
    return base::write_file_durably(directory_ / "approver.pub",
                                    base::hex_encode(approver.public_key.raw()) + "\n", kFileMode);
}

Result<std::vector<BootApproval>> BootStore::approvals(const crypto::PublicKey& approver,
                                                       const std::vector<unsigned>& pcrs) const {
    std::vector<BootApproval> found;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(directory_, error)) {
        if (entry.path().extension() != kEnding || found.size() == kMostApprovals) {
            continue;
        }
        const auto approval = read_approval(entry.path());
        if (approval.ok() &&
            approver.verifies(approval_message(pcrs, approval->state), approval->signature)) {
            found.push_back(*approval);
        }
    }
    if (error) {
        return Error(ErrorCode::io_failed, "cannot read the approvals of boot states");
    }
    return found;
}

Status BootStore::keep(const BootApproval& approval) const {
    const fs::path path = directory_ / (base::hex_encode(approval.state).append(kEnding));
    return base::write_file_durably(path, base::base64url_encode(approval.signature) + "\n",
                                    kFileMode);
}

}  // namespace clawsigner::tpm

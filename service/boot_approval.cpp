#include "service/boot_approval.h"

#include "claw/json_writer.h"

namespace clawsigner::service {
namespace {

constexpr std::size_t kMaxName = 64;

}  // namespace

std::string boot_approval_text(const BootApprovalTerms& terms) {
    return claw::JsonWriter()
        .text("backend", terms.backend)
        .text("state", base::hex_encode(terms.state))
        .done();
}

BootApprovalTerms read_boot_approval(claw::JsonReader& in) {
    BootApprovalTerms terms;
    terms.backend = in.text("backend", kMaxName);
    const auto state = base::hex_decode(in.text("state", 2 * hsm::BootStates::kStateSize));
    if (!state.ok() || state->size() != hsm::BootStates::kStateSize) {
        in.refuse("state", "must be a SHA-256 in 64 lower-case hex digits");
        return terms;
    }
    terms.state = *state;
    return terms;
}

Result<BootApprovalTerms> parse_boot_approval(std::string_view text) {
    TRY(const claw::JsonValue document, claw::parse_json(text, claw::JsonRules::door));
    claw::JsonReader in(document, "");
    BootApprovalTerms terms = read_boot_approval(in);
    CHECK_OK(in.finish());
    return terms;
}

Result<hsm::BootStates*> boot_store(const BootStores& stores, const BootApprovalTerms& terms) {
    const auto found = stores.find(terms.backend);
    if (found == stores.end()) {
        return Error::at("backend", "must be a key store of type tpm that is configured with pcrs");
    }
    return found->second;
}

}  // namespace clawsigner::service

#include "service/publish.h"

#include "claw/did_document.h"
#include "claw/json_writer.h"
#include "claw/key_manifest.h"
#include "claw/key_snapshot.h"
#include "claw/log_state.h"
#include "claw/published_keys.h"
#include "claw/rotation_contract.h"
#include "claw/well_known.h"
#include "service/lifecycle.h"
#include "service/read_log.h"

namespace clawsigner::service {
namespace {

using crypto::Family;

/// The family, when there is something to tell of it.
Result<claw::FamilyKeys> told(const Appliance& appliance, Family family) {
    const auto families = appliance.lifecycle->families();
    const claw::FamilyKeys& keys = families->at(family);
    if (claw::published_keys(keys, appliance.clock->now()).empty()) {
        TRY(const auto signing, appliance.keyring->active(family));
        (void)signing;
        return Error(ErrorCode::key_missing, "no key of this family is published");
    }
    return keys;
}

/// How long an old key is still accepted: the longest that any has now, else what is usual.
std::chrono::seconds overlap_of(const claw::FamilyKeys& keys, UnixMillis now) {
    std::chrono::seconds longest{0};
    for (const claw::KeyRecord& record : keys.versions) {
        if (record.state == claw::KeyState::verify_only && record.not_after) {
            longest =
                std::max(longest, std::chrono::ceil<std::chrono::seconds>(*record.not_after - now));
        }
    }
    return longest.count() > 0 ? longest : RotationPlan::kUsualOverlap;
}

}  // namespace

Result<std::string> published_jwks(const Appliance& appliance, Family family) {
    TRY(const auto keys, told(appliance, family));
    return claw::published_jwks(keys, appliance.clock->now());
}

Result<std::string> gateway_did(const Appliance& appliance) {
    TRY(const auto keys, told(appliance, Family::gateway_receipt));
    return claw::gateway_did_document(keys, appliance.clock->now(), CLAWSIGNER_VERSION);
}

Result<std::string> issuer_did(const Appliance& appliance) {
    TRY(const auto keys, told(appliance, Family::cst));
    return claw::issuer_did_text(keys);
}

Result<std::string> rotation_contract(const Appliance& appliance, Family family) {
    TRY(const auto keys, told(appliance, family));
    const UnixMillis now = appliance.clock->now();
    return claw::rotation_contract_text(keys, now, overlap_of(keys, now));
}

Result<std::string> key_snapshot(const Appliance& appliance, Family family) {
    TRY(const auto keys, told(appliance, family));
    TRY(const auto active, appliance.keyring->active(family));
    const UnixMillis now = appliance.clock->now();
    TRY(const auto body,
        claw::SnapshotBody::of(claw::snapshot_of(keys, now, overlap_of(keys, now))));
    TRY(const auto signature,
        active->sign(body.input(), base::deadline_in(appliance.limits.deadline)));
    return body.signed_by_active(signature);
}

Result<std::string> rotation_certificates(const Appliance& appliance, Family family) {
    TRY(const auto keys, told(appliance, family));
    std::string text;
    for (const claw::KeyRecord& record : keys.versions) {
        const auto certificate =
            appliance.ledger->setting(certificate_row_name(family, record.version));
        if (certificate) {
            text.append(text.empty() ? "" : ",").append(*certificate);
        }
    }
    return claw::JsonWriter().raw("rotations", "[" + text + "]").done();
}

Result<std::string> well_known(const Appliance& appliance) {
    TRY(const auto keys, told(appliance, Family::gateway_receipt));
    return claw::well_known_text(keys, appliance.clock->now());
}

Result<std::string> key_manifest(const Appliance& appliance) {
    const auto rows = appliance.ledger->settings();
    const auto row = rows->find(std::string(claw::kManifestRow));
    if (row == rows->end()) {
        CHECK_OK(appliance.ledger->ready());
        return Error(ErrorCode::not_yet, "no key was recorded yet; ask again in a second");
    }
    const std::string& value = row->second.value;
    const std::size_t space = value.find(' ');
    TRY(const auto time, base::parse_utc(value.substr(0, space)));
    const auto text = appliance.lifecycle->manifest_text(*appliance.lifecycle->families(), time);
    if (!text || claw::key_manifest_digest(*text) != value.substr(space + 1)) {
        return Error(ErrorCode::not_yet, "the keys are changing; ask again in a second");
    }
    TRY(const auto proof, log_proof(appliance, row->second.leaf));
    return claw::JsonWriter()
        .raw("manifest", *text)
        .integer("leaf", static_cast<std::int64_t>(row->second.leaf))
        .text("proof", proof)
        .done();
}

}  // namespace clawsigner::service

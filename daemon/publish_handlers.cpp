#include "daemon/answers.h"
#include "daemon/handlers.h"
#include "service/publish.h"

#include <utility>

namespace clawsigner::daemon {
namespace {

constexpr const char* kJwksAge = "max-age=300";
constexpr const char* kDidAge = "max-age=3600";

Answer json(Result<std::string> text, const char* age = nullptr) {
    if (!text.ok()) {
        return error_answer(text.error());
    }
    Answer answer;
    answer.body = std::move(text).value();
    if (age != nullptr) {
        answer.headers.emplace_back("Cache-Control", age);
    }
    return answer;
}

/// A signer's socket speaks of one family and takes no query; the others are asked for one.
Result<crypto::Family> family_asked(const Call& call) {
    if (const auto family = family_of(call.role)) {
        return call.query.empty() ? Result<crypto::Family>(*family)
                                  : Error::at("query", "must be empty on this socket");
    }
    constexpr std::string_view kName = "family=";
    const auto family = call.query.starts_with(kName)
                            ? crypto::family_from_name(call.query.substr(kName.size()))
                            : std::nullopt;
    return family ? Result<crypto::Family>(*family)
                  : Error::at("query", "must be family= and one of: " + crypto::family_names());
}

using Published = Result<std::string> (*)(const service::Appliance&, crypto::Family);

Answer published(const Call& call, Published make, const char* age = nullptr) {
    const auto family = family_asked(call);
    return family.ok() ? json(make(call.appliance, *family), age) : error_answer(family.error());
}

Result<std::string> did_of(const service::Appliance& appliance, crypto::Family family) {
    switch (family) {
        case crypto::Family::gateway_receipt:
            return service::gateway_did(appliance);
        case crypto::Family::cst:
            return service::issuer_did(appliance);
        case crypto::Family::work_policy:
        case crypto::Family::checkpoint:
            break;
    }
    return Error(ErrorCode::not_found, "keys of this family have no DID document; see /v1/jwks");
}

}  // namespace

Answer get_jwks(const Call& call) {
    return published(call, service::published_jwks, kJwksAge);
}

Answer get_did(const Call& call) {
    Answer answer = published(call, did_of, kDidAge);
    const auto family = family_asked(call);
    if (answer.status == 200 && family.ok() && *family == crypto::Family::gateway_receipt) {
        const auto active = call.appliance.keyring->active(*family);
        if (active.ok()) {
            answer.headers.emplace_back("ETag", "\"" + (*active)->identity().kid + "\"");
        }
    }
    return answer;
}

Answer get_rotation_contract(const Call& call) {
    return published(call, service::rotation_contract);
}

Answer get_key_snapshot(const Call& call) {
    return published(call, service::key_snapshot);
}

Answer get_rotations(const Call& call) {
    return published(call, service::rotation_certificates);
}

Answer get_well_known(const Call& call) {
    return json(service::well_known(call.appliance), kDidAge);
}

Answer get_key_manifest(const Call& call) {
    return json(service::key_manifest(call.appliance));
}

}  // namespace clawsigner::daemon

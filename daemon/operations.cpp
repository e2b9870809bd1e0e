#include "daemon/operations.h"

#include "daemon/handlers.h"

#include <algorithm>
#include <array>

namespace clawsigner::daemon {
namespace {

constexpr std::size_t kNoBody = 0;
constexpr std::size_t kArtefactBody = 65'536;
constexpr std::size_t kBatchBody = 4U << 20U;

constexpr Roles kProxy(Role::proxy);
constexpr Roles kIssuer(Role::issuer);
constexpr Roles kSigners(Role::proxy, Role::issuer);
constexpr Roles kAdmin(Role::admin);
constexpr Roles kWatchers(Role::admin, Role::observe);
constexpr Roles kAll(Role::proxy, Role::issuer, Role::admin, Role::observe);

constexpr std::array kOperations{
    // clang-format off
    //        method        path                  roles      largest body   query         handler
    Operation{Method::post, "/v1/receipts",       kProxy,    kArtefactBody, Query::taken, sign_receipt},
    Operation{Method::post, "/v1/receipts/batch", kProxy,    kBatchBody,    Query::taken, sign_receipt_batch},
    Operation{Method::post, "/v1/tokens",         kIssuer,   kArtefactBody, Query::none,  issue_token},
    Operation{Method::get,  "/v1/jwks",           kSigners,  kNoBody,       Query::none,  get_jwks},
    Operation{Method::get,  "/v1/did",            kSigners,  kNoBody,       Query::none,  get_did},
    Operation{Method::get,  "/v1/status",         kWatchers, kNoBody,       Query::none,  get_status},
    Operation{Method::get,  "/v1/keys",           kWatchers, kNoBody,       Query::none,  list_keys},
    Operation{Method::post, "/v1/keys",           kAdmin,    kArtefactBody, Query::none,  create_key},
    Operation{Method::post, "/v1/keys/discard",   kAdmin,    kArtefactBody, Query::none,  discard_key},
    Operation{Method::post, "/v1/pin/retry",      kAdmin,    kArtefactBody, Query::none,  retry_pin},
    Operation{Method::get,  "/healthz",           kAll,      kNoBody,       Query::none,  get_healthz},
    Operation{Method::get,  "/readyz",            kAll,      kNoBody,       Query::none,  get_readyz},
    // clang-format on
};

}  // namespace

std::span<const Operation> operations() noexcept {
    return kOperations;
}

std::size_t largest_body() noexcept {
    return std::ranges::max_element(kOperations, {}, &Operation::max_body)->max_body;
}

Lookup find_operation(Role role, std::string_view method, std::string_view path) {
    Lookup lookup;
    for (const Operation& operation : kOperations) {
        if (operation.path != path || !operation.roles.contains(role)) {
            continue;
        }
        if (method_name(operation.method) == method) {
            return {&operation, ""};
        }
        lookup.allowed.append(lookup.allowed.empty() ? "" : ", ")
            .append(method_name(operation.method));
    }
    return lookup;
}

}  // namespace clawsigner::daemon

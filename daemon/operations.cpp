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
constexpr Roles kAdmin(Role::admin);
constexpr Roles kAll(Role::proxy, Role::admin);

constexpr std::array kOperations{
    // clang-format off
    //        method        path                  roles   largest body   handler
    Operation{Method::post, "/v1/receipts",       kProxy, kArtefactBody, sign_receipt},
    Operation{Method::post, "/v1/receipts/batch", kProxy, kBatchBody,    sign_receipt_batch},
    Operation{Method::get,  "/v1/jwks",           kProxy, kNoBody,       get_jwks},
    Operation{Method::get,  "/v1/did",            kProxy, kNoBody,       get_did},
    Operation{Method::get,  "/v1/status",         kAdmin, kNoBody,       get_status},
    Operation{Method::get,  "/v1/keys",           kAdmin, kNoBody,       list_keys},
    Operation{Method::post, "/v1/keys",           kAdmin, kArtefactBody, create_key},
    Operation{Method::get,  "/healthz",           kAll,   kNoBody,       get_healthz},
    Operation{Method::get,  "/readyz",            kAll,   kNoBody,       get_readyz},
    // clang-format on
};

}  // namespace

std::string_view role_name(Role role) noexcept {
    return role == Role::proxy ? "proxy" : "admin";
}

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

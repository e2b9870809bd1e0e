#include "daemon/operations.h"

#include "daemon/handlers.h"

#include <algorithm>
#include <array>
#include <optional>

namespace clawsigner::daemon {
namespace {

constexpr std::size_t kNoBody = 0;
constexpr std::size_t kArtefactBody = 65'536;
constexpr std::size_t kBatchBody = 4U << 20U;

constexpr Roles kProxy(Role::proxy);
constexpr Roles kIssuer(Role::issuer);
constexpr Roles kTellers(Role::proxy, Role::issuer, Role::admin);
constexpr Roles kAdmin(Role::admin);
constexpr Roles kWatchers(Role::admin, Role::observe);
constexpr Roles kAll(Role::proxy, Role::issuer, Role::admin, Role::observe);

constexpr std::array kOperations{
    // clang-format off
    //        method        path                  roles      largest body   query         handler
    Operation{Method::post, "/v1/receipts",       kProxy,    kArtefactBody, Query::taken, sign_receipt},
    Operation{Method::post, "/v1/receipts/batch", kProxy,    kBatchBody,    Query::taken, sign_receipt_batch},
    Operation{Method::post, "/v1/tokens",         kIssuer,   kArtefactBody, Query::none,  issue_token},
    Operation{Method::post, "/v1/tokens/narrow",  kIssuer,   kArtefactBody, Query::none,  narrow_token},
    Operation{Method::post, "/v1/decisions",      kProxy,    kArtefactBody, Query::none,  decide_call},
    Operation{Method::get,  "/v1/jwks",           kTellers,  kNoBody,       Query::taken, get_jwks},
    Operation{Method::get,  "/v1/did",            kTellers,  kNoBody,       Query::taken, get_did},
    Operation{Method::get,  "/v1/keys/rotation-contract", kTellers, kNoBody, Query::taken, get_rotation_contract},
    Operation{Method::get,  "/v1/keys/transparency/latest", kTellers, kNoBody, Query::taken, get_key_snapshot},
    Operation{Method::get,  "/v1/keys/rotations", kTellers,  kNoBody,       Query::taken, get_rotations},
    Operation{Method::get,  "/v1/keys/manifest",  kAll,      kNoBody,       Query::none,  get_key_manifest},
    Operation{Method::get,  "/.well-known/clawsig.json", kTellers, kNoBody, Query::none,  get_well_known},
    Operation{Method::get,  "/v1/status",         kWatchers, kNoBody,       Query::none,  get_status},
    Operation{Method::get,  "/v1/keys",           kWatchers, kNoBody,       Query::none,  list_keys},
    Operation{Method::post, "/v1/keys",           kAdmin,    kArtefactBody, Query::none,  create_key},
    Operation{Method::post, "/v1/keys/rotate",    kAdmin,    kArtefactBody, Query::none,  rotate_key},
    Operation{Method::post, "/v1/keys/freeze",    kAdmin,    kArtefactBody, Query::none,  freeze_family},
    Operation{Method::post, "/v1/keys/unfreeze",  kAdmin,    kArtefactBody, Query::none,  unfreeze_family},
    Operation{Method::post, "/v1/keys/retire",    kAdmin,    kArtefactBody, Query::none,  retire_key},
    Operation{Method::post, "/v1/keys/destroy",   kAdmin,    kArtefactBody, Query::none,  destroy_key},
    Operation{Method::post, "/v1/keys/compromise", kAdmin,   kArtefactBody, Query::none,  compromise_key},
    Operation{Method::post, "/v1/keys/adopt",     kAdmin,    kArtefactBody, Query::none,  adopt_key},
    Operation{Method::get,  "/v1/approvals",      kAdmin,    kNoBody,       Query::none,  list_approvals},
    Operation{Method::post, "/v1/approvals/approve", kAdmin, kArtefactBody, Query::none,  approve_act},
    Operation{Method::post, "/v1/approvals/deny", kAdmin,    kArtefactBody, Query::none,  deny_act},
    Operation{Method::get,  "/v1/approvals/*",    kAdmin,    kNoBody,       Query::none,  get_approval},
    Operation{Method::get,  "/v1/ceiling",        kWatchers, kNoBody,       Query::none,  get_ceiling},
    Operation{Method::post, "/v1/ceiling",        kAdmin,    kArtefactBody, Query::none,  set_ceiling},
    Operation{Method::get,  "/v1/roles",          kWatchers, kNoBody,       Query::none,  get_roles},
    Operation{Method::post, "/v1/roles",          kAdmin,    kArtefactBody, Query::none,  set_role},
    Operation{Method::get,  "/v1/operators",      kAdmin,    kNoBody,       Query::none,  get_operators},
    Operation{Method::post, "/v1/operators",      kAdmin,    kArtefactBody, Query::none,  set_operators},
    Operation{Method::get,  "/v1/mappings",       kWatchers, kNoBody,       Query::none,  get_mapping},
    Operation{Method::post, "/v1/mappings",       kAdmin,    kArtefactBody, Query::none,  set_mapping},
    Operation{Method::get,  "/v1/oidc",           kWatchers, kNoBody,       Query::none,  get_oidc},
    Operation{Method::post, "/v1/oidc",           kAdmin,    kArtefactBody, Query::none,  set_oidc},
    Operation{Method::get,  "/v1/trust",          kWatchers, kNoBody,       Query::none,  get_trust},
    Operation{Method::post, "/v1/trust",          kAdmin,    kArtefactBody, Query::none,  set_trust},
    Operation{Method::get,  "/v1/policies",       kWatchers, kNoBody,       Query::none,  list_policies},
    Operation{Method::post, "/v1/policies",       kAdmin,    kArtefactBody, Query::none,  add_policy},
    Operation{Method::post, "/v1/policies/activate", kAdmin, kArtefactBody, Query::none,  activate_policy},
    Operation{Method::post, "/v1/policies/withdraw", kAdmin, kArtefactBody, Query::none,  withdraw_policy},
    Operation{Method::get,  "/v1/policies/*",     kWatchers, kNoBody,       Query::none,  get_policy},
    Operation{Method::get,  "/v1/wpc/*",          kAll,      kNoBody,       Query::none,  get_wpc},
    Operation{Method::get,  "/v1/documents/*",    kWatchers, kNoBody,       Query::none,  get_document},
    Operation{Method::post, "/v1/keys/discard",   kAdmin,    kArtefactBody, Query::none,  discard_key},
    Operation{Method::post, "/v1/pin/retry",      kAdmin,    kArtefactBody, Query::none,  retry_pin},
    Operation{Method::get,  "/v1/log/checkpoint", kAll,      kNoBody,       Query::none,  get_checkpoint},
    // Bodies first: what is not an entry bundle is a tile.
    Operation{Method::get,  "/v1/log/tile/entries/*", kWatchers, kNoBody,   Query::none,  get_entries},
    Operation{Method::get,  "/v1/log/tile/*",     kAll,      kNoBody,       Query::none,  get_tile},
    Operation{Method::get,  "/v1/log/proof",      kWatchers, kNoBody,       Query::taken, get_proof},
    Operation{Method::post, "/v1/log/prune",      kAdmin,    kArtefactBody, Query::none,  prune_log},
    Operation{Method::post, "/v1/tpm/approve-pcrs", kAdmin,  kArtefactBody, Query::none,  approve_pcrs},
    Operation{Method::get,  "/healthz",           kAll,      kNoBody,       Query::none,  get_healthz},
    Operation{Method::get,  "/readyz",            kAll,      kNoBody,       Query::none,  get_readyz},
    // clang-format on
};

/// What stands in place of the pattern's '*', or nothing when the path is another.
std::optional<std::string_view> match(std::string_view pattern, std::string_view path) {
    if (!pattern.ends_with('*')) {
        return pattern == path ? std::optional<std::string_view>("") : std::nullopt;
    }
    pattern.remove_suffix(1);
    return path.starts_with(pattern) ? std::optional(path.substr(pattern.size())) : std::nullopt;
}

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
        const auto rest =
            operation.roles.contains(role) ? match(operation.path, path) : std::nullopt;
        if (!rest) {
            continue;
        }
        if (method_name(operation.method) == method) {
            return {&operation, *rest, ""};
        }
        if (lookup.allowed.find(method_name(operation.method)) == std::string::npos) {
            lookup.allowed.append(lookup.allowed.empty() ? "" : ", ")
                .append(method_name(operation.method));
        }
    }
    return lookup;
}

}  // namespace clawsigner::daemon

#pragma once

#include "daemon/http.h"
#include "daemon/operations.h"

#include <boost/asio/awaitable.hpp>

/// What stands between HTTP and the operations of service/: reads query and body, calls one
/// operation, prints its answer.
namespace clawsigner::daemon {

/// So often a request is signed again whose key stopped signing before its leaf was on disk.
inline constexpr int kMostSwitches = 3;

boost::asio::awaitable<Answer> sign_receipt(const Call& call);
boost::asio::awaitable<Answer> sign_receipt_batch(const Call& call);

boost::asio::awaitable<Answer> issue_token(const Call& call);
boost::asio::awaitable<Answer> narrow_token(const Call& call);
Answer decide_call(const Call& call);

Answer get_jwks(const Call& call);
Answer get_did(const Call& call);
Answer get_rotation_contract(const Call& call);
Answer get_key_snapshot(const Call& call);
Answer get_rotations(const Call& call);
Answer get_well_known(const Call& call);
Answer get_key_manifest(const Call& call);
Answer get_healthz(const Call& call);
Answer get_readyz(const Call& call);

Answer get_checkpoint(const Call& call);
Answer get_tile(const Call& call);
Answer get_entries(const Call& call);
Answer get_proof(const Call& call);
Answer prune_log(const Call& call);
Answer approve_pcrs(const Call& call);

Answer get_status(const Call& call);
Answer list_keys(const Call& call);
Answer create_key(const Call& call);
Answer rotate_key(const Call& call);
Answer freeze_family(const Call& call);
Answer unfreeze_family(const Call& call);
Answer retire_key(const Call& call);
Answer destroy_key(const Call& call);
Answer compromise_key(const Call& call);
Answer adopt_key(const Call& call);

Answer list_approvals(const Call& call);
Answer get_approval(const Call& call);
Answer approve_act(const Call& call);
Answer deny_act(const Call& call);
Answer get_operators(const Call& call);
Answer get_ceiling(const Call& call);
Answer set_ceiling(const Call& call);
Answer get_roles(const Call& call);
Answer set_role(const Call& call);
Answer set_operators(const Call& call);

Answer get_mapping(const Call& call);
Answer set_mapping(const Call& call);
Answer get_oidc(const Call& call);
Answer set_oidc(const Call& call);
Answer get_trust(const Call& call);
Answer set_trust(const Call& call);
Answer list_policies(const Call& call);
Answer get_policy(const Call& call);
Answer add_policy(const Call& call);
Answer activate_policy(const Call& call);
Answer withdraw_policy(const Call& call);
Answer get_wpc(const Call& call);
Answer get_document(const Call& call);

Answer discard_key(const Call& call);
Answer retry_pin(const Call& call);

/// The query of the receipt operations: "" or "legacy=1" ("legacy=0"). Error: invalid_field.
Result<bool> read_legacy_flag(std::string_view query);

}  // namespace clawsigner::daemon

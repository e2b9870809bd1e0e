#include "service/approvals.h"

#include "claw/json_reader.h"
#include "claw/json_writer.h"
#include "crypto/random.h"
#include "policy/approval.h"
#include "policy/policy_acts.h"
#include "service/adoption.h"
#include "service/prune_log.h"

#include <algorithm>
#include <array>
#include <utility>

namespace clawsigner::service {
namespace {

constexpr std::string_view kOperatorsRow = "operators/set";
constexpr std::string_view kRequestRows = "request/";
constexpr std::string_view kApprovalRows = "approval/";
constexpr std::size_t kMaxName = 64;
constexpr std::int64_t kMaxVersion = 1'000'000;
constexpr std::int64_t kMaxSpan = 366LL * 24 * 3600;
constexpr std::string_view kNoWhy = "no reason was given";

constexpr std::array<std::pair<GatedAct, std::string_view>, 13> kActs{{
    {GatedAct::destroy, "keys.destroy"},
    {GatedAct::unfreeze, "keys.unfreeze"},
    {GatedAct::recover, "keys.recover"},
    {GatedAct::set_operators, "operators.set"},
    {GatedAct::raise_ceiling, "ceiling.raise"},
    {GatedAct::set_roles, "roles.set"},
    {GatedAct::adopt, "keys.adopt"},
    {GatedAct::prune, "log.prune"},
    {GatedAct::set_mapping, "mappings.set"},
    {GatedAct::set_oidc, "oidc.set"},
    {GatedAct::set_trust, "trust.set"},
    {GatedAct::activate_policy, "policies.activate"},
    {GatedAct::approve_pcrs, "tpm.approve_pcrs"},
}};

std::optional<GatedAct> act_of(std::string_view name) {
    const auto* found = std::ranges::find(kActs, name, &decltype(kActs)::value_type::second);
    return found == kActs.end() ? std::nullopt : std::optional(found->first);
}

std::string request_row(const std::string& id) {
    return std::string(kRequestRows).append(id);
}

/// The newest approval's signature, as it was handed in: the leaves that set it hold all of them.
std::string approval_row(const std::string& id) {
    return std::string(kApprovalRows).append(id);
}

/// The request is done with, and what proved its approvals.
void forget(RowSet& rows, const policy::ActRequest& request) {
    rows[request_row(request.id)] = std::nullopt;
    if (!request.approvals.empty()) {
        rows[approval_row(request.id)] = std::nullopt;
    }
}

/// What the arguments of every act about keys say, as far as they say it.
struct KeyArguments {
    hsm::KeyName key;
    RotationPlan plan;
};

Result<KeyArguments> parse_key_arguments(const std::string& text, GatedAct act) {
    TRY(const claw::JsonValue document, claw::parse_json(text, claw::JsonRules::door));
    claw::JsonReader in(document, "");
    KeyArguments arguments;
    const auto family = crypto::family_from_name(in.text("family", kMaxName));
    if (!family) {
        in.refuse("family", "must be one of: " + crypto::family_names());
    }
    arguments.key.family = family.value_or(crypto::Family::gateway_receipt);
    if (act == GatedAct::destroy) {
        arguments.key.version = static_cast<std::uint32_t>(in.integer("version", 1, kMaxVersion));
    }
    if (act == GatedAct::recover) {
        arguments.plan.now = true;
        arguments.plan.overlap = std::chrono::seconds(in.integer("overlap_seconds", 0, kMaxSpan));
    }
    CHECK_OK(in.finish());
    return arguments;
}

bool is_about_policy(GatedAct act) noexcept {
    return act == GatedAct::set_mapping || act == GatedAct::set_oidc ||
           act == GatedAct::set_trust || act == GatedAct::activate_policy;
}

/// Operators who can never reach their quorum would be the last there are.
Status can_approve(const policy::Operators& operators, UnixMillis now) {
    const auto able = std::ranges::count_if(
        operators.people(), [&](const policy::Operator& one) { return may_approve(one, now); });
    return able >= static_cast<std::int64_t>(operators.quorum())
               ? Status::done()
               : Status(Error(ErrorCode::invalid_field,
                              "fewer of the operators may approve today than must"));
}

}  // namespace

std::string_view gated_act_name(GatedAct act) noexcept {
    return std::ranges::find(kActs, act, &decltype(kActs)::value_type::first)->second;
}

std::string family_arguments(crypto::Family family) {
    return claw::JsonWriter().text("family", crypto::family_name(family)).done();
}

std::string key_arguments(const hsm::KeyName& key) {
    return claw::JsonWriter()
        .text("family", crypto::family_name(key.family))
        .integer("version", key.version)
        .done();
}

std::string rotation_arguments(crypto::Family family, const RotationPlan& plan) {
    return claw::JsonWriter()
        .text("family", crypto::family_name(family))
        .integer("overlap_seconds", plan.overlap.value_or(RotationPlan::kUsualOverlap).count())
        .done();
}

Result<policy::Operators> Approvals::operators() const {
    const auto text = log_.setting(std::string(kOperatorsRow));
    if (!text) {
        return Error(ErrorCode::no_operators,
                     "this needs operators' approval and none is enrolled: name their "
                     "allowed_signers file in [operators] of the configuration and restart "
                     "clawsignerd");
    }
    return policy::parse_operators(*text);
}

Status Approvals::seed(const policy::Operators& operators) {
    const std::lock_guard lock(mutex_);
    if (log_.setting(std::string(kOperatorsRow))) {
        return Status::done();
    }
    CHECK_OK(can_approve(operators, clock_.now()));
    Doing doing;
    doing.rows[std::string(kOperatorsRow)] = policy::operators_text(operators);
    return lifecycle_.act(doing, "operators.seed", "operators");
}

Result<std::optional<std::string>> Approvals::document_of(const policy::ActRequest& request) const {
    TRY(const auto digest, policy::document_named(request.act, request.arguments));
    if (!digest) {
        return std::optional<std::string>();
    }
    TRY(auto text, policies_.document(*digest));
    return std::optional(std::move(text));
}

/// `document` has the digest that the arguments name.
Status Approvals::check_policy(GatedAct act, const std::string& arguments,
                               const std::optional<std::string>& document) const {
    if (act == GatedAct::set_trust) {
        TRY(const auto change, policy::parse_trust_arguments(arguments));
        const auto now = policies_.snapshot();
        const auto next = with_trust_setting({now->trust, now->exempt}, change.key, change.value);
        return next.ok() ? Status::done() : Status(next.error());
    }
    TRY(const auto digest, policy::document_named(gated_act_name(act), arguments));
    if (act == GatedAct::activate_policy) {
        return policies_.may_activate(digest.value_or(""));
    }
    const std::string text = document.value_or("");
    if (crypto::sha256_b64u(text) != digest) {
        return Error::at("document_sha256", "is not the digest of the document");
    }
    if (act == GatedAct::set_mapping) {
        const auto mapping = policy::ScopeMapping::parse(text);
        return mapping.ok() ? Status::done() : Status(mapping.error());
    }
    const auto trust = policy::parse_oidc_trust(text);
    return trust.ok() ? Status::done() : Status(trust.error());
}

Status Approvals::carry_out_policy(GatedAct act, const Doing& doing, const std::string& arguments) {
    if (act == GatedAct::set_trust) {
        TRY(const auto change, policy::parse_trust_arguments(arguments));
        return policies_.set_trust(doing, change.key, change.value);
    }
    TRY(const auto digest, policy::document_named(gated_act_name(act), arguments));
    if (act == GatedAct::activate_policy) {
        return policies_.activate(doing, digest.value_or(""));
    }
    TRY(const std::string text, policies_.document(digest.value_or("")));
    return act == GatedAct::set_mapping ? policies_.set_mapping(doing, text)
                                        : policies_.set_oidc(doing, text);
}

/// Would it be done now?
Status Approvals::check(GatedAct act, const std::string& arguments,
                        const std::optional<std::string>& document) const {
    if (is_about_policy(act)) {
        return check_policy(act, arguments, document);
    }
    if (act == GatedAct::set_operators) {
        TRY(const auto operators, policy::parse_operators(arguments));
        return can_approve(operators, clock_.now());
    }
    if (act == GatedAct::raise_ceiling) {
        const auto ceiling = policy::parse_ceiling(arguments);
        return ceiling.ok() ? Status::done() : Status(ceiling.error());
    }
    if (act == GatedAct::set_roles) {
        const auto change = policy::parse_role_change(arguments);
        return change.ok() ? Status::done() : Status(change.error());
    }
    if (act == GatedAct::adopt) {
        TRY(const auto asked, parse_adoption(arguments));
        return lifecycle_.may_adopt(asked.family, asked.adoption);
    }
    if (act == GatedAct::prune) {
        TRY(const auto pruning, parse_pruning(arguments));
        return may_prune(log_, pruning, clock_.now());
    }
    if (act == GatedAct::approve_pcrs) {
        TRY(const auto terms, parse_boot_approval(arguments));
        TRY(hsm::BootStates * store, boot_store(boot_stores_, terms));
        const auto state = store->boot_state();  // is it there?
        return state.ok() ? Status::done() : Status(state.error());
    }
    TRY(const auto parsed, parse_key_arguments(arguments, act));
    const crypto::Family family = parsed.key.family;
    switch (act) {
        case GatedAct::destroy:
            return lifecycle_.may(parsed.key, KeyEvent::destroy);
        case GatedAct::unfreeze:
            return lifecycle_.families()->at(family).frozen
                       ? Status::done()
                       : Status(Error(ErrorCode::illegal_transition,
                                      std::string(crypto::family_name(family)) + " is not frozen"));
        case GatedAct::recover:
            return lifecycle_.needs_recovery(family)
                       ? Status::done()
                       : Status(Error(ErrorCode::illegal_transition,
                                      std::string(crypto::family_name(family)) +
                                          " has an active key, and needs no recovery"));
        case GatedAct::set_operators:
        case GatedAct::raise_ceiling:
        case GatedAct::set_roles:
        case GatedAct::adopt:
        case GatedAct::prune:
        case GatedAct::set_mapping:
        case GatedAct::set_oidc:
        case GatedAct::set_trust:
        case GatedAct::activate_policy:
        case GatedAct::approve_pcrs:
            break;
    }
    return Status::done();
}

RowSet Approvals::expired() const {
    RowSet rows;
    const UnixMillis now = clock_.now();
    for (const policy::ActRequest& request : filed()) {
        if (request.expires <= now) {
            forget(rows, request);
        }
    }
    return rows;
}

Result<policy::ActRequest> Approvals::file(const claw::LeafCaller& caller, GatedAct act,
                                           std::string arguments, std::string why,
                                           const std::optional<std::string>& document) {
    const std::lock_guard lock(mutex_);
    CHECK_OK(operators());
    CHECK_OK(check(act, arguments, document));
    Doing doing{caller, std::nullopt, std::nullopt, expired()};
    if (document) {
        doing.documents.push_back(*document);
    }
    if (waiting().size() >= kMaxRequests) {
        return Error(ErrorCode::queue_full,
                     "too many requests wait for approval; deny some: clawsigner approvals list");
    }
    TRY(auto id, crypto::uuid_v4());
    policy::ActRequest request;
    request.id = std::move(id);
    request.act = gated_act_name(act);
    request.arguments = std::move(arguments);
    request.log_origin = lifecycle_.origin();
    request.created = clock_.now();
    request.expires = request.created + kPatience;
    request.requester = caller;
    request.why = why.empty() ? std::string(kNoWhy) : std::move(why);
    CHECK_OK(policy::check_request(request));
    doing.rows[request_row(request.id)] = policy::request_text(request);
    CHECK_OK(lifecycle_.act(doing, "approvals.file", request.id));
    return request;
}

std::vector<policy::ActRequest> Approvals::waiting() const {
    auto requests = filed();
    const UnixMillis now = clock_.now();
    std::erase_if(requests, [now](const auto& request) { return request.expires <= now; });
    return requests;
}

/// Also those that have expired: the next one that is filed takes them away.
std::vector<policy::ActRequest> Approvals::filed() const {
    std::vector<policy::ActRequest> requests;
    const auto rows = log_.settings();
    for (auto row = rows->lower_bound(std::string(kRequestRows));
         row != rows->end() && row->first.starts_with(kRequestRows); ++row) {
        if (auto request = policy::parse_request(row->second.value); request.ok()) {
            requests.push_back(*std::move(request));
        }
    }
    std::ranges::sort(requests, {}, &policy::ActRequest::created);
    return requests;
}

Result<policy::ActRequest> Approvals::find(const std::string& id) const {
    for (policy::ActRequest& request : filed()) {
        if (request.id == id) {
            return std::move(request);
        }
    }
    return Error(ErrorCode::not_found,
                 "no request of this id waits for approval; clawsigner approvals list shows them");
}

Result<Approvals::Approved> Approvals::approve(const claw::LeafCaller& caller,
                                               const std::string& id, std::string_view signature) {
    const std::lock_guard lock(mutex_);
    TRY(auto request, find(id));
    TRY(const auto people, operators());
    auto approval = policy::approve(people, request, signature, clock_.now());
    // Enough already: whatever kept it from being done then may have passed, and one of those who
    // approved asks again.
    const bool again = !approval.ok() && approval.error().code == ErrorCode::approval_repeated &&
                       policy::is_enough(people, request, clock_.now());
    if (!approval.ok() && !again) {
        return approval.error();
    }
    if (approval.ok()) {
        Doing doing{caller, "by " + approval->principal, id, {}};
        request.approvals.push_back(*std::move(approval));
        doing.rows[request_row(id)] = policy::request_text(request);
        doing.rows[approval_row(id)] = signature;
        CHECK_OK(lifecycle_.act(doing, "approvals.approve", id));
    }
    if (!policy::is_enough(people, request, clock_.now())) {
        return Approved{std::move(request), false};
    }
    CHECK_OK(carry_out(caller, request));
    return Approved{std::move(request), true};
}

Status Approvals::carry_out(const claw::LeafCaller& caller, const policy::ActRequest& request) {
    const auto act = act_of(request.act);
    if (!act) {
        return Error(ErrorCode::internal, "this version knows no act " + request.act);
    }
    TRY(const auto document, document_of(request));
    CHECK_OK(check(*act, request.arguments, document));
    Doing doing{caller, request.why, request.id, {}};
    forget(doing.rows, request);
    if (is_about_policy(*act)) {
        return carry_out_policy(*act, doing, request.arguments);
    }
    if (*act == GatedAct::set_operators) {
        doing.rows[std::string(kOperatorsRow)] = request.arguments;
        return lifecycle_.act(doing, request.act, "operators");
    }
    if (*act == GatedAct::raise_ceiling) {
        TRY(const auto ceiling, policy::parse_ceiling(request.arguments));
        return powers_.set(doing, ceiling);
    }
    if (*act == GatedAct::set_roles) {
        TRY(const auto change, policy::parse_role_change(request.arguments));
        return powers_.set(doing, change);
    }
    if (*act == GatedAct::adopt) {
        TRY(const auto asked, parse_adoption(request.arguments));
        const auto key = lifecycle_.adopt(doing, asked.family, asked.adoption);
        return key.ok() ? Status::done() : Status(key.error());
    }
    if (*act == GatedAct::prune) {
        TRY(const auto pruning, parse_pruning(request.arguments));
        doing.rows.merge(pruning_rows(pruning));
        return lifecycle_.act(doing, request.act, "leaves/" + std::to_string(pruning.until));
    }
    if (*act == GatedAct::approve_pcrs) {
        TRY(const auto terms, parse_boot_approval(request.arguments));
        TRY(hsm::BootStates * store, boot_store(boot_stores_, terms));
        // The leaf first: a state that is in force and that nobody recorded would be worse than one
        // that is recorded and has to be approved of again.
        CHECK_OK(lifecycle_.act(doing, request.act, "boot/" + base::hex_encode(terms.state)));
        return store->approve_boot(terms.state);
    }
    TRY(const auto arguments, parse_key_arguments(request.arguments, *act));
    const crypto::Family family = arguments.key.family;
    if (*act == GatedAct::unfreeze) {
        return lifecycle_.unfreeze(doing, family);
    }
    const auto key = *act == GatedAct::destroy ? lifecycle_.destroy(doing, arguments.key)
                                               : lifecycle_.rotate(doing, family, arguments.plan);
    return key.ok() ? Status::done() : Status(key.error());
}

Result<policy::ActRequest> Approvals::deny(const claw::LeafCaller& caller, const std::string& id,
                                           std::optional<std::string> why) {
    const std::lock_guard lock(mutex_);
    TRY(auto request, find(id));
    Doing doing{caller, std::move(why), id, {}};
    forget(doing.rows, request);
    CHECK_OK(lifecycle_.act(doing, "approvals.deny", id));
    return request;
}

}  // namespace clawsigner::service

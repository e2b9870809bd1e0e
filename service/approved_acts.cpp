#include "policy/policy_acts.h"
#include "service/adoption.h"
#include "service/approvals.h"
#include "service/prune_log.h"
#include "service/request_rows.h"

/// What each act that waits for operators needs in order to be done, and how it is done.
namespace clawsigner::service {
namespace {

bool is_about_policy(GatedAct act) noexcept {
    return act == GatedAct::set_mapping || act == GatedAct::set_oidc ||
           act == GatedAct::set_trust || act == GatedAct::activate_policy;
}

}  // namespace

/// `document` has the digest that the arguments name.
Status Approvals::check_policy(GatedAct act, const std::string& arguments,
                               const std::optional<std::string>& document) const {
    if (act == GatedAct::set_trust) {
        TRY(const auto change, policy::parse_trust_arguments(arguments));
        const auto now = policies_.snapshot();
        return with_trust_setting({now->trust, now->exempt}, change.key, change.value).status();
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
        return policy::ScopeMapping::parse(text).status();
    }
    return policy::parse_oidc_trust(text).status();
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
        return can_approve(operators, time_.judged());
    }
    if (act == GatedAct::raise_ceiling) {
        return policy::parse_ceiling(arguments).status();
    }
    if (act == GatedAct::set_roles) {
        return policy::parse_role_change(arguments).status();
    }
    if (act == GatedAct::adopt) {
        TRY(const auto asked, parse_adoption(arguments));
        return lifecycle_.may_adopt(asked.family, asked.adoption);
    }
    if (act == GatedAct::prune) {
        TRY(const auto pruning, parse_pruning(arguments));
        return may_prune(log_, pruning, time_.judged());
    }
    if (act == GatedAct::approve_pcrs) {
        TRY(const auto terms, parse_boot_approval(arguments));
        TRY(hsm::BootStates * store, boot_store(boot_stores_, terms));
        const auto state = store->boot_state();  // is it there?
        return state.status();
    }
    return check_on_key(act, arguments);
}

Status Approvals::check_on_key(GatedAct act, const std::string& arguments) const {
    TRY(const auto asked, parse_key_arguments(arguments, act));
    const crypto::Family family = asked.key.family;
    const std::string name(crypto::family_name(family));
    switch (act) {
        case GatedAct::destroy:
            return lifecycle_.may(asked.key, KeyEvent::destroy);
        case GatedAct::unfreeze:
            return lifecycle_.families()->at(family).frozen
                       ? Status::done()
                       : Status(Error(ErrorCode::illegal_transition, name + " is not frozen"));
        case GatedAct::recover:
            return lifecycle_.needs_recovery(family)
                       ? Status::done()
                       : Status(Error(ErrorCode::illegal_transition,
                                      name + " has an active key, and needs no recovery"));
        default:
            return Error(ErrorCode::internal, "nobody has said when this act may be done");
    }
}

Status Approvals::carry_out(const claw::LeafCaller& caller, const policy::ActRequest& request) {
    const auto act = gated_act_of(request.act);
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
        return lifecycle_.adopt(doing, asked.family, asked.adoption).status();
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
    return carry_out_on_key(*act, doing, request.arguments);
}

Status Approvals::carry_out_on_key(GatedAct act, const Doing& doing, const std::string& arguments) {
    TRY(const auto asked, parse_key_arguments(arguments, act));
    switch (act) {
        case GatedAct::unfreeze:
            return lifecycle_.unfreeze(doing, asked.key.family);
        case GatedAct::destroy: {
            return lifecycle_.destroy(doing, asked.key).status();
        }
        case GatedAct::recover: {
            return lifecycle_.rotate(doing, asked.key.family, asked.plan).status();
        }
        default:
            return Error(ErrorCode::internal, "nobody has said how this act is carried out");
    }
}

}  // namespace clawsigner::service

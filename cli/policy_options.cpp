#include "cli/policy_options.h"

#include "cli/default_sockets.h"
#include "cli/explain_command.h"
#include "cli/policy_commands.h"

#include <memory>
#include <string>

namespace clawsigner::cli {
namespace {

constexpr const char* kWhy = "a sentence for the log and the operators";

struct PolicyOptions {
    std::string socket = kAdminSocket;
    PolicyTerms terms;
    FetchTerms fetch;
    std::string ca_file;
};

struct PolicySetup {
    const bool& json;
    std::function<int()>& command;
    std::shared_ptr<PolicyOptions> options = std::make_shared<PolicyOptions>();

    CLI::App* add(CLI::App& group, const char* name, const char* about) const {
        CLI::App* added = group.add_subcommand(name, about);
        added->add_option("--socket", options->socket,
                          std::string("the daemon's socket (default ") + kAdminSocket + ")");
        return added;
    }
    CLI::App* add_with_file(CLI::App& group, const char* name, const char* about,
                            const char* content) const {
        CLI::App* added = add(group, name, about);
        added->add_option("FILE", options->terms.file, content)->required();
        added->add_option("--why", options->terms.why, kWhy);
        return added;
    }
    CLI::App* add_with_hash(CLI::App& group, const char* name, const char* about) const {
        CLI::App* added = add(group, name, about);
        added->add_option("HASH", options->terms.hash, "as policies list shows it")->required();
        return added;
    }
    template <class Run>
    void runs(CLI::App* added, Run run) const {
        added->callback([setup = *this, run] {
            setup.command = [setup, run] {
                return run(Connection{setup.options->socket, setup.json}, *setup.options);
            };
        });
    }
};

void add_explain(CLI::App& group, const PolicySetup& setup) {
    CLI::App* explain_it = group.add_subcommand(
        "explain", "what would happen to a request, and which rule decides; offline, from files");
    const auto terms = std::make_shared<ExplainTerms>();
    explain_it
        ->add_option("REQUEST", terms->request,
                     "{\"groups\":[…],\"request\":{…}}, {\"id_token\":…,\"request\":{…}} or a "
                     "decision's {\"cst\":…,\"provider\":…,\"model\":…}, as JSON")
        ->required();
    explain_it->add_option("--mapping", terms->mapping, "the scope_mappings document, for a token");
    explain_it->add_option("--policy", terms->policies,
                           "a contract or its envelope, taken as active; as often as needed");
    explain_it->add_option("--oidc", terms->oidc, "issuer, audience and jwks, for an ID token");
    explain_it->add_option("--keys", terms->jwks, "the issuer's JWKS (GET /v1/jwks), for a call");
    explain_it->add_flag("--allow-unpinned", terms->allow_unpinned, "as if trust allowed it");
    explain_it->add_option("--at", terms->at,
                           "the moment, 2026-01-31T12:00:00.000Z (default: now)");
    explain_it->callback([setup, terms] {
        setup.command = [setup, terms] {
            terms->json = setup.json;
            return explain(*terms);
        };
    });
}

void add_contracts(CLI::App& app, const PolicySetup& setup) {
    CLI::App* group = app.add_subcommand("policies", "Work Policy Contracts, by their hash")
                          ->require_subcommand(0, 1);
    setup.runs(
        setup.add_with_file(*group, "add", "hand a contract in; nobody gets anything by it yet",
                            "the contract as JSON, or a signed envelope"),
        [](const Connection& to, const PolicyOptions& is) { return add_policy(to, is.terms); });
    setup.runs(setup.add(*group, "list", "every contract, and its state"),
               [](const Connection& to, const PolicyOptions&) { return list_policies(to); });
    setup.runs(
        setup.add_with_hash(*group, "show", "one of them"),
        [](const Connection& to, const PolicyOptions& is) { return show_policy(to, is.terms); });
    CLI::App* activate =
        setup.add_with_hash(*group, "activate", "ask the operators to let it hold from then on");
    activate->add_option("--why", setup.options->terms.why, kWhy);
    setup.runs(activate, [](const Connection& to, const PolicyOptions& is) {
        return activate_policy(to, is.terms);
    });
    add_explain(*group, setup);
    CLI::App* withdraw = setup.add_with_hash(*group, "withdraw", "let it hold no more, at once");
    withdraw->add_option("--why", setup.options->terms.why, "a sentence for the log");
    withdraw->add_flag("--yes", setup.options->terms.yes, "do not ask");
    setup.runs(withdraw, [](const Connection& to, const PolicyOptions& is) {
        return withdraw_policy(to, is.terms);
    });
}

void add_mappings(CLI::App& app, const PolicySetup& setup) {
    CLI::App* group =
        app.add_subcommand("mappings", "what the groups of an identity provider may have")
            ->require_subcommand(0, 1);
    setup.runs(setup.add(*group, "show", "today's mapping"),
               [](const Connection& to, const PolicyOptions&) { return show_mapping(to); });
    setup.runs(
        setup.add_with_file(*group, "set", "ask the operators to put another in its place",
                            "the scope_mappings document, as JSON"),
        [](const Connection& to, const PolicyOptions& is) { return set_mapping(to, is.terms); });
}

void add_trust(CLI::App& app, const PolicySetup& setup) {
    CLI::App* group = app.add_subcommand("trust", "whom and what the appliance believes")
                          ->require_subcommand(0, 1);
    setup.runs(setup.add(*group, "show", "today's settings"),
               [](const Connection& to, const PolicyOptions&) { return show_trust(to); });
    CLI::App* set = setup.add(*group, "set", "believe less at once, or ask the operators for more");
    set->add_option("KEY", setup.options->terms.key,
                    "claims_mode, allow_unpinned, audiences, wpc_signers or receipts_without_cst")
        ->required()
        ->check(CLI::IsMember(
            {"claims_mode", "allow_unpinned", "audiences", "wpc_signers", "receipts_without_cst"}));
    set->add_option("VALUE", setup.options->terms.value,
                    "true or false; of the last three all of a list, with commas; \"\" for none")
        ->required();
    set->add_option("--why", setup.options->terms.why, kWhy);
    setup.runs(
        set, [](const Connection& to, const PolicyOptions& is) { return set_trust(to, is.terms); });
}

void add_oidc(CLI::App& app, const PolicySetup& setup) {
    CLI::App* group = app.add_subcommand("oidc", "the identity provider whose ID tokens count")
                          ->require_subcommand(0, 1);
    setup.runs(setup.add(*group, "show", "today's provider and keys"),
               [](const Connection& to, const PolicyOptions&) { return show_oidc(to); });
    setup.runs(
        setup.add_with_file(*group, "set", "ask the operators to believe this one",
                            "issuer, audience and jwks, as JSON"),
        [](const Connection& to, const PolicyOptions& is) { return set_oidc(to, is.terms); });
    CLI::App* fetch =
        setup.add(*group, "fetch",
                  "get the provider's keys over https and ask the operators to believe them");
    FetchTerms& terms = setup.options->fetch;
    fetch->add_option("URL", terms.issuer, "the issuer, https://…, exactly as its tokens name it")
        ->required();
    fetch->add_option("--audience", terms.audience,
                      "our client id there; as today where the issuer stays the same");
    fetch->add_option("--groups-claim", terms.groups_claim,
                      "the claim that holds a user's groups (default groups)");
    fetch->add_flag("--require-nonce", terms.require_nonce,
                    "an ID token must be bound to its request");
    fetch->add_option("--ca-file", setup.options->ca_file,
                      "certificates of the authorities to trust, in PEM, in place of the system's");
    fetch->add_option("--why", terms.why, kWhy);
    fetch->add_flag("--yes", terms.yes, "do not ask");
    setup.runs(fetch, [](const Connection& to, const PolicyOptions& is) {
        FetchTerms whole = is.fetch;
        if (!is.ca_file.empty()) {
            whole.ca_file = is.ca_file;
        }
        return fetch_oidc(to, whole);
    });
}

}  // namespace

void add_policies(CLI::App& app, const bool& json, std::function<int()>& command) {
    const PolicySetup setup{json, command};
    add_contracts(app, setup);
    add_mappings(app, setup);
    add_trust(app, setup);
    add_oidc(app, setup);
}

}  // namespace clawsigner::cli

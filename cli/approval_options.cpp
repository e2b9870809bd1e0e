#include "cli/approval_options.h"

#include "cli/approval_commands.h"
#include "cli/default_sockets.h"

#include <memory>
#include <string>

namespace clawsigner::cli {
namespace {

struct ApprovalOptions {
    std::string socket;
    ApprovalTerms terms;
};

struct ApprovalSetup {
    const bool& json;
    std::function<int()>& command;
    std::shared_ptr<ApprovalOptions> options = std::make_shared<ApprovalOptions>();

    CLI::App* add(CLI::App& group, const char* name, const char* about) const {
        CLI::App* added = group.add_subcommand(name, about);
        added->add_option("--socket", options->socket,
                          std::string("the daemon's socket (default ") + kAdminSocket + ")");
        return added;
    }
    void add_id(CLI::App& to) const {
        to.add_option("ID", options->terms.id, "as approvals list shows it")->required();
    }
    template <class Run>
    void runs(CLI::App* added, Run run) const {
        added->callback([setup = *this, run] {
            setup.command = [setup, run] {
                const Connection to{
                    setup.options->socket.empty() ? kAdminSocket : setup.options->socket,
                    setup.json};
                return run(to, setup.options->terms);
            };
        });
    }
};

void add_requests(CLI::App& app, const ApprovalSetup& setup) {
    CLI::App* group =
        app.add_subcommand("approvals", "acts that wait for operators")->require_subcommand(0, 1);
    setup.runs(setup.add(*group, "list", "every act that waits"),
               [](const Connection& to, const ApprovalTerms&) { return list_approvals(to); });
    CLI::App* show = setup.add(*group, "show", "one of them, with the digest that is signed");
    setup.add_id(*show);
    setup.runs(show, show_approval);
    CLI::App* approve = setup.add(
        *group, "approve",
        "approve of exactly what is shown, as an operator: ssh-keygen signs its digest.\nThe last "
        "operator that was missing has it carried out");
    setup.add_id(*approve);
    approve
        ->add_option("--key", setup.options->terms.key,
                     "your private key's file, or your public key's where an ssh-agent has the "
                     "private one; FIDO2 keys (sk-) too")
        ->required();
    approve->add_flag("--yes", setup.options->terms.yes, "do not ask");
    setup.runs(approve, approve_act);
    CLI::App* deny = setup.add(*group, "deny", "take an act back that waits");
    setup.add_id(*deny);
    deny->add_option("--why", setup.options->terms.why, "a sentence for the log");
    setup.runs(deny, deny_act);
}

void add_operators(CLI::App& app, const ApprovalSetup& setup) {
    CLI::App* group = app.add_subcommand("operators", "who approves, and how many of them must")
                          ->require_subcommand(0, 1);
    setup.runs(setup.add(*group, "show", "today's operators"),
               [](const Connection& to, const ApprovalTerms&) { return show_operators(to); });
    CLI::App* set =
        setup.add(*group, "set", "ask today's operators to let others take their place");
    set->add_option("FILE", setup.options->terms.signers,
                    "all of them, in OpenSSH's allowed_signers format (ssh-keygen(1))")
        ->required();
    set->add_option("--quorum", setup.options->terms.quorum, "how many must approve")
        ->required()
        ->check(CLI::Range(1, 64));
    set->add_option("--why", setup.options->terms.why, "a sentence for the log and the operators");
    setup.runs(set, set_operators);
}

void add_ceiling(CLI::App& app, const ApprovalSetup& setup) {
    CLI::App* group = app.add_subcommand("ceiling", "the most that may stand in a token")
                          ->require_subcommand(0, 1);
    setup.runs(setup.add(*group, "show", "today's ceiling"),
               [](const Connection& to, const ApprovalTerms&) { return show_ceiling(to); });
    CLI::App* set =
        setup.add(*group, "set", "lower it at once, or ask the operators to let it be higher");
    set->add_option("--max-ttl", setup.options->terms.max_ttl, "seconds, at most a day")
        ->required()
        ->check(CLI::Range(1, 86'400));
    set->add_option("--audience", setup.options->terms.audiences,
                    "an audience: exact, PREFIX* or *; once for each");
    set->add_option("--scope", setup.options->terms.scopes,
                    "a scope: exact, PREFIX* or *; once for each");
    set->add_option("--why", setup.options->terms.why, "a sentence for the log and the operators");
    setup.runs(set, set_ceiling);
}

}  // namespace

void add_approvals(CLI::App& app, const bool& json, std::function<int()>& command) {
    const ApprovalSetup setup{json, command};
    add_requests(app, setup);
    add_operators(app, setup);
    add_ceiling(app, setup);
}

}  // namespace clawsigner::cli

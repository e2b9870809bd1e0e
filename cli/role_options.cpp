#include "cli/role_options.h"

#include "cli/default_sockets.h"
#include "cli/role_commands.h"

#include <memory>
#include <string>

namespace clawsigner::cli {
namespace {

struct RoleOptions {
    std::string socket = kAdminSocket;
    RoleTerms terms;
    bool nobody = false;
};

CLI::App* add(CLI::App& group, const char* name, const char* about, RoleOptions& options) {
    CLI::App* added = group.add_subcommand(name, about);
    added->add_option("--socket", options.socket,
                      std::string("the daemon's socket (default ") + kAdminSocket + ")");
    return added;
}

}  // namespace

void add_roles(CLI::App& app, const bool& json, std::function<int()>& command) {
    const auto options = std::make_shared<RoleOptions>();
    CLI::App* group =
        app.add_subcommand("roles", "who may use which socket")->require_subcommand(0, 1);
    add(*group, "show", "every role's users and groups", *options)
        ->callback([options, &json, &command] {
            command = [options, &json] { return show_roles({options->socket, json}); };
        });
    CLI::App* set =
        add(*group, "set",
            "take callers away from a role at once, or ask the operators for new ones", *options);
    set->add_option("ROLE", options->terms.role, "proxy, issuer, admin or observe")
        ->required()
        ->check(CLI::IsMember({"proxy", "issuer", "admin", "observe"}));
    CLI::Option_group* callers = set->add_option_group("callers", "all of them from then on");
    callers->require_option(1, 2);
    CLI::Option* user = callers->add_option("--user", options->terms.users,
                                            "a user's name or number; once for each");
    CLI::Option* others = callers->add_option("--group", options->terms.groups,
                                              "a group's name or number; once for each");
    callers->add_flag("--nobody", options->nobody, "no user and no group: the socket serves nobody")
        ->excludes(user)
        ->excludes(others);
    set->add_option("--why", options->terms.why, "a sentence for the log and the operators");
    set->callback([options, &json, &command] {
        command = [options, &json] { return set_role({options->socket, json}, options->terms); };
    });
}

}  // namespace clawsigner::cli

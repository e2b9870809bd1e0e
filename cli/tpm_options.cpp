#include "cli/tpm_options.h"

#include "claw/json_writer.h"
#include "cli/approval_commands.h"
#include "cli/conversation.h"
#include "cli/default_sockets.h"

#include <memory>
#include <string>

namespace clawsigner::cli {
namespace {

struct TpmOptions {
    std::string socket = kAdminSocket;
    std::string backend;
    std::string state;
    std::string why;
};

int approve_pcrs(const Connection& to, const TpmOptions& options) {
    claw::JsonWriter body;
    body.text("backend", options.backend).text("state", options.state);
    if (!options.why.empty()) {
        body.text("why", options.why);
    }
    return talk(to, "POST", "/v1/tpm/approve-pcrs", body.done(),
                [](const claw::JsonObject& answer) { (void)print_waiting(answer); });
}

}  // namespace

void add_tpm(CLI::App& app, const bool& json, std::function<int()>& command) {
    const auto options = std::make_shared<TpmOptions>();
    CLI::App* group = app.add_subcommand("tpm", "keys in a TPM")->require_subcommand(0, 1);
    CLI::App* approve = group->add_subcommand(
        "approve-pcrs", "ask the operators to let the keys be used in one more boot state");
    approve->add_option("BACKEND", options->backend, "the key store's name in the configuration")
        ->required();
    approve
        ->add_option("STATE", options->state,
                     "SHA-256 over the values of the store's PCRs, 64 hex digits: tpm2_pcrread -o "
                     "FILE sha256:…; sha256sum FILE")
        ->required();
    approve->add_option("--socket", options->socket,
                        std::string("the daemon's socket (default ") + kAdminSocket + ")");
    approve->add_option("--why", options->why, "a sentence for the log and the operators");
    approve->callback([options, &json, &command] {
        command = [options, &json] { return approve_pcrs({options->socket, json}, *options); };
    });
}

}  // namespace clawsigner::cli

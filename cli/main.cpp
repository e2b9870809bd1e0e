#include "cli/approval_options.h"
#include "cli/commands.h"
#include "cli/default_sockets.h"
#include "cli/key_options.h"
#include "cli/log_options.h"
#include "cli/output.h"
#include "cli/policy_options.h"
#include "cli/role_options.h"
#include "cli/tpm_options.h"
#include "cli/verify_command.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <functional>
#include <string>

namespace {

using namespace clawsigner;

constexpr const char* kFooter =
    "Exit codes: 0 good, 1 refused or invalid, 2 usage, 3 the daemon cannot be reached.\n"
    "FILE may be - for standard input. With --json a command prints one JSON object.";

/// Everything the options fill in, and the command that was chosen.
struct Options {
    std::string self;
    bool json = false;
    std::string socket;
    std::string file;
    std::string algorithm;
    std::string directory;
    std::string backend;
    bool legacy = false;
    cli::Trust trust;
    cli::TokenTerms terms;
    cli::LogTrust log;
    std::function<int()> command;

    cli::Connection connection(const char* otherwise) const {
        return {socket.empty() ? otherwise : socket, json};
    }
};

void add_socket(CLI::App& command, Options& options, const char* otherwise) {
    command.add_option("--socket", options.socket,
                       std::string("the daemon's socket (default ") + otherwise + ")");
}

void add_algorithm(CLI::App& command, Options& options, const std::string& otherwise) {
    command
        .add_option("--algorithm", options.algorithm, "ed25519 or p256 (default " + otherwise + ")")
        ->check(CLI::IsMember({"ed25519", "p256"}));
}

void add_init(CLI::App& app, Options& options) {
    CLI::App* command = app.add_subcommand(
        "init", "make a directory to develop and test with: token, PIN file, keys, configuration");
    command->add_option("--dev", options.directory, "the directory to make: new or empty")
        ->required();
    add_algorithm(*command, options, "ed25519");
    command->callback([&options] {
        options.command = [&options] {
            return cli::init_dev(options.self, options.directory,
                                 options.algorithm.empty() ? "ed25519" : options.algorithm,
                                 options.json);
        };
    });
}

void add_status(CLI::App& app, Options& options) {
    CLI::App* command =
        app.add_subcommand("status", "how the daemon, its key stores and its keys are");
    add_socket(*command, options, cli::kAdminSocket);
    command->callback([&options] {
        options.command = [&options] {
            return cli::show_status(options.connection(cli::kAdminSocket));
        };
    });
}

void add_pin(CLI::App& app, Options& options) {
    CLI::App* pin = app.add_subcommand("pin", "the key stores' PINs")->require_subcommand(0, 1);
    CLI::App* retry = pin->add_subcommand(
        "retry", "have a key store that is held try its PIN once more; correct the PIN first");
    retry->add_option("BACKEND", options.backend,
                      "the key store's name; may be left out where there is only one");
    add_socket(*retry, options, cli::kAdminSocket);
    retry->callback([&options] {
        options.command = [&options] {
            return cli::retry_pin(options.connection(cli::kAdminSocket), options.backend);
        };
    });
}

void add_sign(CLI::App& app, Options& options) {
    CLI::App* sign =
        app.add_subcommand("sign", "have an artefact built and signed")->require_subcommand(0, 1);
    CLI::App* receipt =
        sign->add_subcommand("receipt", "a gateway receipt; prints the daemon's answer");
    receipt->add_option("FILE", options.file, "the receipt's fields as JSON")->required();
    receipt->add_flag("--legacy", options.legacy, "also sign the v1.0 receipt");
    add_socket(*receipt, options, cli::kProxySocket);
    receipt->callback([&options] {
        options.command = [&options] {
            return cli::sign_receipt(options.connection(cli::kProxySocket), options.file,
                                     options.legacy);
        };
    });
}

void add_issue(CLI::App& app, Options& options) {
    CLI::App* issue = app.add_subcommand("issue", "have a token minted")->require_subcommand(0, 1);
    CLI::App* token = issue->add_subcommand(
        "token", "a capability-scoped token (CST); prints the daemon's answer");
    token->add_option("FILE", options.file, "the request as JSON: {\"claims\":{…}}")->required();
    add_socket(*token, options, cli::kIssuerSocket);
    token->callback([&options] {
        options.command = [&options] {
            return cli::issue_token(options.connection(cli::kIssuerSocket), options.file);
        };
    });
}

void add_trust(CLI::App& command, Options& options) {
    CLI::Option_group* trust = command.add_option_group("trust", "whom to trust");
    trust->require_option(1);
    trust->add_option("--signer", options.trust.signer_did, "the signer's did:key");
    trust->add_option("--keys", options.trust.jwks_file,
                      "a file with the signer's JWKS (GET /v1/jwks)");
}

void add_log_trust(CLI::App& command, Options& options) {
    CLI::Option* proof = command.add_option(
        "--proof", options.log.proof_file,
        "a file with the proof that it is in the log, as clawsigner log prove writes it");
    CLI::Option* key = command.add_option(
        "--log-key", options.log.log_key,
        "the log's verifier key NAME+ID+KEY, or a file with it (clawsigner log key)");
    proof->needs(key);
    key->needs(proof);
}

void add_verify_receipt(CLI::App& verify, Options& options) {
    CLI::App* receipt = verify.add_subcommand(
        "receipt", "a gateway receipt: the envelope, or the answer that holds it");
    receipt->add_option("FILE", options.file, "the envelope or the answer, as JSON")->required();
    add_trust(*receipt, options);
    add_log_trust(*receipt, options);
    receipt->callback([&options] {
        options.command = [&options] {
            return cli::verify_receipt(options.file, options.trust, options.log, options.json);
        };
    });
}

void add_verify_token(CLI::App& verify, Options& options) {
    CLI::App* token =
        verify.add_subcommand("token", "a CST: the compact token, or the answer that holds it");
    token->add_option("FILE", options.file, "the token, or the answer as JSON")->required();
    add_trust(*token, options);
    token->add_option("--at", options.terms.at,
                      "the moment it must be valid at, 2026-01-31T12:00:00.000Z (default: now)");
    token->add_option("--audience", options.terms.audience, "an audience it must be for");
    add_log_trust(*token, options);
    token->callback([&options] {
        options.command = [&options] {
            return cli::verify_token(options.file, options.trust, options.terms, options.log,
                                     options.json);
        };
    });
}

void add_verify(CLI::App& app, Options& options) {
    CLI::App* verify =
        app.add_subcommand("verify", "check an artefact offline; no daemon is needed")
            ->require_subcommand(0, 1);
    add_verify_receipt(*verify, options);
    add_verify_token(*verify, options);
}

/// What a script makes of a variable that is not set must not count as an option that is not there.
void refuse_empty(const CLI::App& app) {
    for (const CLI::Option* option : app.get_options()) {
        for (const std::string& value : option->results()) {
            if (option->nonpositional() && value.empty()) {
                throw CLI::ValidationError(option->get_name(), "is empty");
            }
        }
    }
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
        refuse_empty(*command);
    }
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    options.self = argc > 0 ? argv[0] : "clawsigner";
    CLI::App app(
        "clawsigner talks to clawsignerd, the signing appliance of the Claw ecosystem, and "
        "verifies offline what it signed.");
    app.name("clawsigner");
    app.set_version_flag("--version", "clawsigner " CLAWSIGNER_VERSION);
    app.footer(kFooter);
    app.require_subcommand(0, 1);
    app.fallthrough();
    app.add_flag("--json", options.json,
                 "print JSON for machines; stands before or after the command");
    add_init(app, options);
    add_status(app, options);
    cli::add_keys(app, options.json, options.command);
    cli::add_approvals(app, options.json, options.command);
    cli::add_roles(app, options.json, options.command);
    cli::add_policies(app, options.json, options.command);
    cli::add_tpm(app, options.json, options.command);
    add_pin(app, options);
    add_sign(app, options);
    add_issue(app, options);
    add_verify(app, options);
    cli::add_log(app, options.json, options.command);
    try {
        app.parse(argc, argv);
        refuse_empty(app);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? cli::kGood : cli::kUsage;
    }
    if (!options.command) {
        std::fputs("clawsigner: a command is missing; clawsigner --help lists them\n", stderr);
        return cli::kUsage;
    }
    const int code = options.command();
    if (std::fflush(stdout) != 0) {
        std::fputs("clawsigner: the output could not be written\n", stderr);
        return cli::kRefused;
    }
    return code;
}

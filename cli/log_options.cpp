#include "cli/log_options.h"

#include "cli/default_sockets.h"
#include "cli/log_commands.h"
#include "cli/prune_command.h"

#include <memory>
#include <string>

namespace clawsigner::cli {
namespace {

struct LogOptions {
    std::string socket;
    ProofTerms proof;
    std::string directory;
    AuditOptions audit;
    PruneTerms prune;
};

/// What every command of the group needs to be set up.
struct LogSetup {
    CLI::App& log;
    const bool& json;
    std::function<int()>& command;
    std::shared_ptr<LogOptions> options = std::make_shared<LogOptions>();

    Connection connection() const {
        return {options->socket.empty() ? kObserveSocket : options->socket, json};
    }
    CLI::App* add(const char* name, const char* about) const {
        CLI::App* command_line = log.add_subcommand(name, about);
        command_line->add_option(
            "--socket", options->socket,
            std::string("the daemon's observe or admin socket (default ") + kObserveSocket + ")");
        return command_line;
    }
    CLI::Option* add_log_key(CLI::App& to, std::string& into, const char* otherwise) const {
        return to.add_option(
            "--log-key", into,
            std::string("the log's verifier key NAME+ID+KEY, or a file with it; ") + otherwise);
    }
    template <class Run>
    void runs(CLI::App* command_line, Run run) const {
        command_line->callback([setup = *this, run] {
            setup.command = [setup, run] { return run(setup.connection(), *setup.options); };
        });
    }
};

void add_key(const LogSetup& setup) {
    CLI::App* key =
        setup.add("key",
                  "print the log's verifier key, as C2SP tools exchange it: ORIGIN+ID+KEY.\n"
                  "Give it to whoever verifies; they must have it from somebody they trust");
    setup.runs(key, [](const Connection& to, const LogOptions&) { return log_key(to); });
}

void add_prove(const LogSetup& setup) {
    CLI::App* prove = setup.add(
        "prove",
        "print the proof that an artefact is in the log (C2SP tlog-proof), which\n"
        "clawsigner verify checks offline. Waits up to 3 s for the checkpoint above a new one");
    CLI::Option_group* which = prove->add_option_group("which", "what to prove");
    which->require_option(1);
    ProofTerms& terms = setup.options->proof;
    which->add_option("--receipt", terms.receipt_file,
                      "a receipt: the envelope, or the answer that holds it");
    which->add_option("--token", terms.token_file, "a token, or the answer that holds it");
    CLI::Option* leaf =
        which
            ->add_option(
                "--leaf", terms.leaf,
                "the leaf of this number; a v1.0 receipt's is the one behind its receipt's")
            ->check(CLI::NonNegativeNumber);
    prove
        ->add_option("--from", terms.from,
                     "an export to make the proof from, as of a leaf that was pruned; no daemon "
                     "needed")
        ->check(CLI::ExistingDirectory)
        ->needs(leaf);
    prove->add_option("-o,--output", terms.output, "write the proof to this file");
    setup.runs(prove, [](const Connection& to, const LogOptions& options) {
        return log_prove(to, options.proof);
    });
}

void add_export(const LogSetup& setup) {
    CLI::App* command = setup.add(
        "export",
        "copy the log into a directory of static files that any C2SP tile client reads:\n"
        "checkpoint, tile/… and tile/entries/…. Everything is checked on its way; the checkpoint\n"
        "comes last. Again into the same directory: only what is new is fetched, and a log that\n"
        "does not continue the copy is refused");
    command->add_option("DIR", setup.options->directory, "the directory; made when it is not there")
        ->required();
    setup.add_log_key(*command, setup.options->audit.log_key, "default: the one the log names");
    setup.runs(command, [](const Connection& to, const LogOptions& options) {
        return log_export(to, options.directory, options.audit.log_key);
    });
}

void add_audit(const LogSetup& setup) {
    CLI::App* command = setup.add(
        "audit",
        "read every leaf, make tree and state again from them, and say what does not hold:\n"
        "gaps, edits, names spent twice, states that are not what the leaves before them make,\n"
        "a checkpoint that is forged or of another tree. Of the running daemon, or of DIR");
    AuditOptions& audit = setup.options->audit;
    command
        ->add_option("DIR", audit.directory,
                     "a directory that log export or clawsignerd export made; no daemon needed")
        ->check(CLI::ExistingDirectory);
    setup.add_log_key(
        *command, audit.log_key,
        "default: the one the log names, which shows that the log agrees with itself, "
        "not whose it is");
    command->add_option("--from", audit.from,
                        "a file with an older checkpoint, which this log must continue");
    command
        ->add_option("--since", audit.since,
                     "so many leaves were audited before: they are covered by their hashes, and "
                     "names spent among them are not known")
        ->check(CLI::NonNegativeNumber);
    command
        ->add_option("--with", audit.older,
                     "an export that holds the leaves which the daemon's log has pruned")
        ->check(CLI::ExistingDirectory);
    setup.runs(command, [](const Connection& to, const LogOptions& options) {
        return log_audit(to, options.audit);
    });
}

void add_prune(const LogSetup& setup) {
    CLI::App* command = setup.log.add_subcommand(
        "prune",
        "ask the operators to let old leaf bodies go that an export holds. The export is audited\n"
        "first. Hashes stay, and with them every proof; so do the leaves that made the state, and\n"
        "what is spent stays spent");
    command->add_option("--socket", setup.options->socket,
                        std::string("the daemon's admin socket (default ") + kAdminSocket + ")");
    PruneTerms& prune = setup.options->prune;
    command
        ->add_option("--before", prune.before,
                     "leaves that are older than this day, 2026-01-31, or this moment, "
                     "2026-01-31T12:00:00.000Z; whole bundles of 256")
        ->required();
    command->add_option("--export", prune.directory, "the export, with every leaf from the first")
        ->required()
        ->check(CLI::ExistingDirectory);
    setup.add_log_key(*command, prune.log_key, "from somebody you trust")->required();
    command->add_option("--why", prune.why, "a sentence for the log and the operators");
    command->add_flag("--yes", prune.yes, "do not ask");
    setup.runs(command, [](const Connection& to, const LogOptions& options) {
        const bool is_named = !options.socket.empty();
        return log_prune({is_named ? to.socket : kAdminSocket, to.json}, options.prune);
    });
}

}  // namespace

void add_log(CLI::App& app, const bool& json, std::function<int()>& command) {
    CLI::App* log =
        app.add_subcommand("log", "the transparency log: what was signed, for everybody to check")
            ->require_subcommand(0, 1);
    const LogSetup setup{*log, json, command};
    add_key(setup);
    add_prove(setup);
    add_export(setup);
    add_audit(setup);
    add_prune(setup);
}

}  // namespace clawsigner::cli

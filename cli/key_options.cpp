#include "cli/key_options.h"

#include "claw/key_record.h"
#include "cli/default_sockets.h"
#include "cli/key_commands.h"

#include <charconv>
#include <memory>
#include <string>

namespace clawsigner::cli {
namespace {

struct KeyOptions {
    std::string socket;
    KeyTerms terms;
    std::string activate_in;
    std::string overlap;
    std::uint64_t leaf = 0;
};

/// Nothing, when it is no span: a number and s, m, h or d, at most a year.
std::optional<std::chrono::seconds> span_of(const std::string& text) {
    constexpr std::uint64_t kLongest = claw::kMaxOverlapSeconds;
    std::uint64_t number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string unit(read.ptr, text.data() + text.size());
    const std::uint64_t each = unit == "s"   ? 1
                               : unit == "m" ? 60
                               : unit == "h" ? 3600
                               : unit == "d" ? 86'400
                                             : 0;
    if (read.ec != std::errc() || each == 0 || number > kLongest / each) {
        return std::nullopt;
    }
    return std::chrono::seconds(number * each);
}

std::string check_span(const std::string& text) {
    return span_of(text) ? ""
                         : text + " is no span of time: a number and s, m, h or d, at most 366d";
}

/// What every command of the group needs to be set up.
struct KeySetup {
    CLI::App& keys;
    const bool& json;
    std::function<int()>& command;
    std::shared_ptr<KeyOptions> options = std::make_shared<KeyOptions>();

    CLI::App* add(const char* name, const char* about) const {
        CLI::App* added = keys.add_subcommand(name, about);
        added->add_option("--socket", options->socket,
                          std::string("the daemon's socket (default ") + kAdminSocket + ")");
        return added;
    }
    void add_family(CLI::App& to) const {
        to.add_option("FAMILY", options->terms.family,
                      "what the key is for: gateway_receipt, cst, work_policy or checkpoint")
            ->required()
            ->type_name("{gateway_receipt,cst,work_policy,checkpoint}");
        to.add_option("--why", options->terms.why, "a sentence for the log");
    }
    void add_version(CLI::App& to) const {
        add_family(to);
        to.add_option("VERSION", options->terms.version, "as keys list shows it")
            ->required()
            ->check(CLI::Range(1U, crypto::kMaxKeyVersion));
    }
    void add_yes(CLI::App& to) const { to.add_flag("--yes", options->terms.yes, "do not ask"); }
    template <class Run>
    void runs(CLI::App* added, Run run) const {
        added->callback([setup = *this, run] {
            KeyTerms& terms = setup.options->terms;
            terms.activate_in = span_of(setup.options->activate_in);
            terms.overlap = span_of(setup.options->overlap);
            setup.command = [setup, run] {
                const Connection to{
                    setup.options->socket.empty() ? kAdminSocket : setup.options->socket,
                    setup.json};
                return run(to, setup.options->terms);
            };
        });
    }
};

void add_list(const KeySetup& setup) {
    setup.runs(setup.add("list",
                         "every version of every family's key, and what is in the stores "
                         "beside them"),
               [](const Connection& to, const KeyTerms&) { return list_keys(to); });
    CLI::App* show = setup.add("show", "everything that is known of one key");
    setup.add_version(*show);
    setup.runs(show, show_key);
}

void add_create(const KeySetup& setup) {
    CLI::App* create = setup.add("create",
                                 "make a family's first key, inside its store; it signs "
                                 "at once");
    setup.add_family(*create);
    create
        ->add_option("--algorithm", setup.options->terms.algorithm,
                     "ed25519 or p256 (default as configured)")
        ->check(CLI::IsMember({"ed25519", "p256"}));
    setup.runs(create, create_key);
}

void add_rotate(const KeySetup& setup) {
    CLI::App* rotate = setup.add(
        "rotate",
        "make a family's next key: published at once, so that verifiers can learn it, and signing "
        "after --activate-in.\nThe old one stays published for --overlap. The daemon keeps the "
        "time, also over restarts");
    setup.add_family(*rotate);
    CLI::Option* later = rotate
                             ->add_option("--activate-in", setup.options->activate_in,
                                          "when it signs: 90s, 30m, 24h, 7d (default 24h)")
                             ->check(check_span);
    rotate
        ->add_option("--overlap", setup.options->overlap,
                     "how long the old key is published afterwards (default 7d)")
        ->check(check_span);
    rotate
        ->add_flag("--now", setup.options->terms.now,
                   "it signs at once, also one that is pending; for emergencies")
        ->excludes(later);
    setup.add_yes(*rotate);
    setup.runs(rotate, rotate_key);
}

void add_freeze(const KeySetup& setup) {
    CLI::App* freeze = setup.add("freeze",
                                 "stop every signature of a family, at once; its keys "
                                 "stay published");
    setup.add_family(*freeze);
    setup.add_yes(*freeze);
    setup.runs(freeze, freeze_family);
    CLI::App* unfreeze =
        setup.add("unfreeze", "ask the operators to let a frozen family sign again");
    setup.add_family(*unfreeze);
    setup.runs(unfreeze, unfreeze_family);
}

void add_ends(const KeySetup& setup) {
    CLI::App* retire = setup.add("retire",
                                 "take back a pending key, or stop publishing an old one "
                                 "before its overlap ends");
    setup.add_version(*retire);
    setup.add_yes(*retire);
    setup.runs(retire, retire_key);
    CLI::App* destroy = setup.add("destroy",
                                  "ask the operators to destroy a retired key in its "
                                  "store, for good");
    setup.add_version(*destroy);
    setup.add_yes(*destroy);
    setup.runs(destroy, destroy_key);
    CLI::App* compromise =
        setup.add("compromise",
                  "declare that somebody else may have a key; it stops signing at "
                  "once and is published as compromised");
    setup.add_version(*compromise);
    CLI::Option* since =
        compromise->add_option("--since", setup.options->terms.since,
                               "since when: 2026-01-31T12:00:00.000Z (default now)");
    compromise->add_option("--since-leaf", setup.options->terms.leaf, "since which leaf of the log")
        ->excludes(since);
    setup.add_yes(*compromise);
    setup.runs(compromise, compromise_key);
}

void add_adopt(const KeySetup& setup) {
    CLI::App* adopt = setup.add(
        "adopt",
        "leave a key behind that lived in an environment variable: it and the family's key sign a "
        "rotation certificate,\nit is published as verify_only for --overlap, and the file with "
        "its seed is wiped");
    setup.add_family(*adopt);
    adopt
        ->add_option("--seed-file", setup.options->terms.seed_file,
                     "a file of mode 0400 with the seed: 43 characters of base64url, or 64 hex "
                     "digits")
        ->required();
    adopt
        ->add_option("--overlap", setup.options->overlap,
                     "how long the old key is still published (default 7d)")
        ->check(check_span);
    setup.runs(adopt, adopt_key);
}

void add_discard(const KeySetup& setup) {
    CLI::App* discard = setup.add(
        "discard", "destroy what keys list shows as unusable, such as half of a key; for good");
    discard
        ->add_option("ID", setup.options->terms.id,
                     "as keys list shows it; the label of what has no id")
        ->required();
    setup.runs(discard, discard_key);
}

}  // namespace

void add_keys(CLI::App& app, const bool& json, std::function<int()>& command) {
    CLI::App* keys = app.add_subcommand("keys", "the signing keys")->require_subcommand(0, 1);
    const KeySetup setup{*keys, json, command};
    add_list(setup);
    add_create(setup);
    add_rotate(setup);
    add_freeze(setup);
    add_ends(setup);
    add_adopt(setup);
    add_discard(setup);
}

}  // namespace clawsigner::cli

#include "cli/log_commands.h"

#include "attest/log_audit.h"
#include "attest/pruned.h"
#include "base/clock.h"
#include "base/file.h"
#include "claw/javascript_text.h"
#include "claw/json.h"
#include "claw/json_writer.h"
#include "cli/daemon_files.h"
#include "cli/log_verdict.h"
#include "cli/output.h"
#include "cli/progress.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>

namespace clawsigner::cli {
namespace {

constexpr std::size_t kMaxArtefact = 1U << 20U;
constexpr mode_t kProofMode = 0644;
constexpr auto kWaitForCheckpoint = std::chrono::seconds(3);
constexpr auto kAskAgain = std::chrono::milliseconds(100);

using claw::JsonValue;

const JsonValue* member(const JsonValue* value, std::string_view name) {
    return value != nullptr && value->is_object() ? value->get_object().if_contains(name) : nullptr;
}

/// A value that goes into a query as it is. Error: invalid_field.
Result<std::string> queried(const JsonValue* id, std::string_view name) {
    if (id == nullptr || !id->is_string()) {
        return Error(ErrorCode::invalid_field, "the file holds no " + std::string(name));
    }
    const std::string text(id->get_string());
    const bool plain = std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
    return plain && text.find('#') == std::string::npos
               ? Result<std::string>(text)
               : Error(ErrorCode::invalid_field, "the " + std::string(name) +
                                                     " does not go into a query; its leaf's "
                                                     "number does (--leaf)");
}

Result<std::string> receipt_query(const std::filesystem::path& file) {
    TRY(const std::string text, base::read_file(file, kMaxArtefact));
    TRY(const JsonValue document, claw::parse_json(text, claw::JsonRules::javascript));
    const JsonValue* held = member(&document, "envelope");
    const JsonValue* payload = member(held != nullptr ? held : &document, "payload");
    TRY(const std::string id, queried(member(payload, "receipt_id"), "receipt_id"));
    return "receipt_id=" + id;
}

/// The claims of a compact token, which nobody has verified.
Result<std::string> claims_of(std::string_view token) {
    const std::size_t first = token.find('.');
    const std::size_t last = token.rfind('.');
    if (first == last) {
        return Error(ErrorCode::invalid_field, "the file holds no token");
    }
    TRY(const Bytes claims, base::base64url_decode(token.substr(first + 1, last - first - 1)));
    return std::string(claims.begin(), claims.end());
}

Result<std::string> token_query(const std::filesystem::path& file) {
    TRY(const std::string text, base::read_file(file, kMaxArtefact));
    const std::string_view token = claw::trim(text);
    const bool is_answer = token.starts_with('{');
    TRY(const std::string json, is_answer ? Result<std::string>(text) : claims_of(token));
    TRY(const JsonValue document, claw::parse_json(json, claw::JsonRules::javascript));
    const JsonValue* claims = is_answer ? member(&document, "claims") : &document;
    TRY(const std::string id, queried(member(claims, "jti"), "jti"));
    return "jti=" + id;
}

Result<std::string> query_of(const ProofTerms& terms) {
    if (terms.leaf) {
        return "leaf=" + std::to_string(*terms.leaf);
    }
    return terms.receipt_file.empty() ? token_query(terms.token_file)
                                      : receipt_query(terms.receipt_file);
}

Result<std::string> proof_from(const ProofTerms& terms) {
    attest::LogDirectory files(terms.from);
    return attest::prove_leaf(files, terms.leaf.value_or(0));
}

/// Asks again while the leaf is under no checkpoint yet.
Result<std::string> proof_of(const Connection& to, const ProofTerms& terms) {
    TRY(const std::string query, query_of(terms));
    const Deadline end = base::deadline_in(kWaitForCheckpoint);
    auto proof = get(to.socket, "/v1/log/proof?" + query);
    while (!proof.ok() && proof.error().code == ErrorCode::not_yet &&
           std::chrono::steady_clock::now() < end) {
        std::this_thread::sleep_for(kAskAgain);
        proof = get(to.socket, "/v1/log/proof?" + query);
    }
    return proof;
}

struct LogName {
    std::string key;
    std::string origin;
};
Result<LogName> log_name(const Connection& to) {
    TRY(const std::string body, get(to.socket, "/v1/status"));
    TRY(const JsonValue document, claw::parse_json(body, claw::JsonRules::javascript));
    const JsonValue* ledger = member(&document, "ledger");
    const JsonValue* key = member(ledger, "log_key");
    if (key == nullptr || !key->is_string()) {
        return Error(ErrorCode::not_yet,
                     "the log has no key yet: it is set with the first checkpoint");
    }
    TRY(const auto parsed, claw::NoteKey::parse(std::string_view(key->get_string())));
    return LogName{parsed.text(), parsed.name()};
}

Result<std::optional<claw::NoteKey>> optional_key(const std::string& key_or_file) {
    if (key_or_file.empty()) {
        return std::optional<claw::NoteKey>();
    }
    TRY(auto key, log_key_of(key_or_file));
    return std::optional(std::move(key));
}

/// As told, else, of a log whose first leaves cannot tell it any more, as the daemon says.
Result<std::optional<claw::NoteKey>> key_of_daemon(const Connection& to,
                                                   const std::string& log_key) {
    if (!log_key.empty()) {
        return optional_key(log_key);
    }
    TRY(const std::string body, get(to.socket, "/v1/status"));
    TRY(const JsonValue document, claw::parse_json(body, claw::JsonRules::javascript));
    const JsonValue* pruned = member(member(&document, "ledger"), "pruned");
    if (pruned == nullptr || claw::json_text(*pruned) == "0") {
        return std::optional<claw::NoteKey>();
    }
    TRY(const LogName name, log_name(to));
    return optional_key(name.key);
}

struct Exported {
    claw::Checkpoint checkpoint;
    std::uint64_t lacks = 0;  // bodies before this leaf
};
Result<Exported> exported(const Connection& to, const std::filesystem::path& directory,
                          const std::string& log_key) {
    TRY(const auto key, key_of_daemon(to, log_key));
    DaemonFiles from(to.socket);
    attest::LogDirectory into(directory);
    ProgressBar bar(!to.json);
    Exported exported;
    TRY(exported.checkpoint,
        attest::export_log(from, into, key,
                           [&](std::uint64_t done, std::uint64_t of) { bar.show(done, of); }));
    TRY(exported.lacks, attest::first_readable(into, 0, exported.checkpoint.size));
    return exported;
}

/// What a daemon with a damaged ledger has found: it shows nothing of the log any more.
Error found_by_daemon(const Connection& to, Error damaged) {
    const auto body = get(to.socket, "/v1/status");
    if (!body.ok()) {
        return damaged;
    }
    const auto document = claw::parse_json(*body, claw::JsonRules::javascript);
    if (!document.ok()) {
        return damaged;
    }
    const JsonValue* why = member(member(&*document, "ledger"), "why");
    if (const JsonValue* message = member(why, "message");
        message != nullptr && message->is_string()) {
        damaged.message = "the daemon has found: " + std::string(message->get_string());
    }
    return damaged;
}

Result<attest::Audit> audit_daemon(const Connection& to, const AuditOptions& options,
                                   attest::AuditTerms terms, const attest::Progress& show) {
    TRY(terms.key, key_of_daemon(to, options.log_key));
    terms.may_be_pruned = true;
    DaemonFiles files(to.socket);
    attest::LogDirectory older(options.older);
    attest::WithOlder whole(files, older);
    auto audit = options.older.empty() ? attest::audit_log(files, terms, show)
                                       : attest::audit_log(whole, terms, show);
    if (!audit.ok() && audit.error().code == ErrorCode::ledger_damaged) {
        return found_by_daemon(to, audit.error());
    }
    return audit;
}

Result<attest::Audit> audited(const Connection& to, const AuditOptions& options) {
    attest::AuditTerms terms;
    terms.since = options.since;
    if (!options.from.empty()) {
        TRY(terms.from, base::read_file(options.from, claw::kMaxNoteBytes));
    }
    ProgressBar bar(!to.json);
    const auto show = [&](std::uint64_t done, std::uint64_t of) { bar.show(done, of); };
    if (options.directory.empty()) {
        return audit_daemon(to, options, std::move(terms), show);
    }
    TRY(terms.key, optional_key(options.log_key));
    attest::LogDirectory files(options.directory);
    return attest::audit_directory(files, terms, show);
}

std::string json_of(const attest::Finding& finding) {
    claw::JsonWriter out;
    if (finding.leaf) {
        out.integer("leaf", static_cast<std::int64_t>(*finding.leaf));
    }
    return out.text("what", finding.what).done();
}

void print_json(const attest::Audit& audit) {
    std::string findings = "[";
    for (const attest::Finding& finding : audit.findings) {
        findings.append(findings.size() > 1 ? "," : "").append(json_of(finding));
    }
    claw::JsonWriter out;
    out.boolean("good", audit.good());
    if (audit.head) {
        out.text("origin", audit.head->checkpoint.origin)
            .integer("size", static_cast<std::int64_t>(audit.head->checkpoint.size))
            .text("root", base::base64_encode(audit.head->checkpoint.root))
            .text("log_key", audit.head->key.text())
            .integer("since", static_cast<std::int64_t>(audit.since))
            .integer("pruned", static_cast<std::int64_t>(audit.pruned));
    }
    if (audit.state) {
        out.text("setting_sha256", audit.state->setting_sha256)
            .text("spent_sha256", audit.state->spent_sha256);
    }
    out.integer("findings_count", static_cast<std::int64_t>(audit.findings_count))
        .raw("findings", findings.append("]"));
    std::printf("%s\n", printable(out.done()).c_str());
}

void print_text(const attest::Audit& audit, bool key_was_given) {
    for (const attest::Finding& finding : audit.findings) {
        std::printf("found: %s\n", printable(finding.what).c_str());
    }
    if (audit.findings.size() < audit.findings_count) {
        std::printf("found: %llu more\n",
                    static_cast<unsigned long long>(audit.findings_count - audit.findings.size()));
    }
    std::printf("log: %s\n",
                audit.good() ? "good" : (std::to_string(audit.findings_count) + " found").c_str());
    if (!audit.head) {
        return;
    }
    if (audit.pruned > 0) {
        std::printf(
            "pruned: leaves %s to %s have their hashes here, and no bodies: what they say "
            "was not read, and names spent among them are not known; audit with the "
            "export that holds them: --with DIR\n",
            std::to_string(audit.since).c_str(), std::to_string(audit.pruned - 1).c_str());
    }
    const std::uint64_t from = std::max(audit.since, audit.pruned);
    const std::string read = from == 0 ? "all" : "from " + std::to_string(from) + " on";
    std::printf(
        "%s", table({{"  origin", audit.head->checkpoint.origin},
                     {"  leaves", std::to_string(audit.head->checkpoint.size) + ", read: " + read},
                     {"  root", base::base64_encode(audit.head->checkpoint.root)},
                     {"  key", audit.head->key.text()},
                     {"  key is", key_was_given ? "the one given"
                                                : "the one the log names; hold it against "
                                                  "one you know with --log-key"}})
                  .c_str());
}

}  // namespace

int log_key(const Connection& to) {
    const auto name = log_name(to);
    if (!name.ok()) {
        return report(name.error(), to.json);
    }
    if (to.json) {
        std::printf("%s\n", claw::JsonWriter()
                                .text("log_key", name->key)
                                .text("origin", name->origin)
                                .done()
                                .c_str());
    } else {
        std::printf("%s\n", printable(name->key).c_str());
    }
    return kGood;
}

int log_prove(const Connection& to, const ProofTerms& terms) {
    const auto proof = terms.from.empty() ? proof_of(to, terms) : proof_from(terms);
    if (!proof.ok()) {
        return report(proof.error(), to.json);
    }
    if (!terms.output.empty()) {
        const Status written = base::write_file_durably(terms.output, *proof, kProofMode);
        return written.ok() ? kGood : report(written.error(), to.json);
    }
    if (to.json) {
        std::printf("%s\n", claw::JsonWriter().text("proof", *proof).done().c_str());
    } else {
        std::fwrite(proof->data(), 1, proof->size(), stdout);
    }
    return kGood;
}

int log_export(const Connection& to, const std::filesystem::path& directory,
               const std::string& log_key) {
    const auto copied = exported(to, directory, log_key);
    if (!copied.ok()) {
        return report(copied.error(), to.json);
    }
    const claw::Checkpoint* checkpoint = &copied->checkpoint;
    const std::string size = std::to_string(checkpoint->size);
    if (to.json) {
        std::printf("%s\n", claw::JsonWriter()
                                .text("directory", directory.string())
                                .text("origin", checkpoint->origin)
                                .integer("size", static_cast<std::int64_t>(checkpoint->size))
                                .text("root", base::base64_encode(checkpoint->root))
                                .integer("lacks", static_cast<std::int64_t>(copied->lacks))
                                .done()
                                .c_str());
        return kGood;
    }
    std::printf("%s: %s leaves of %s\n", printable(directory.string()).c_str(), size.c_str(),
                printable(checkpoint->origin).c_str());
    if (copied->lacks > 0) {
        std::printf(
            "lacks the bodies of leaves 0 to %s, which the log has pruned; an export from "
            "before holds them, and goes on in its own directory\n",
            std::to_string(copied->lacks - 1).c_str());
    }
    return kGood;
}

int log_audit(const Connection& to, const AuditOptions& options) {
    const auto audit = audited(to, options);
    if (!audit.ok()) {
        return report(audit.error(), to.json);
    }
    if (to.json) {
        print_json(*audit);
    } else {
        print_text(*audit, !options.log_key.empty());
    }
    return audit->good() ? kGood : kRefused;
}

}  // namespace clawsigner::cli
